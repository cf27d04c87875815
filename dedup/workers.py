"""Threads over independent pieces of work, and word of how far they are."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Work = TypeVar("Work")
Done = TypeVar("Done")
_AHEAD = 2  # pieces a thread that may wait, done, for the one before them


class Progress(Protocol):
    """Is told after each piece: the stage, what is done and what there is in all (articles, or pairs)."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note."""


def silent(stage: str, done: int, total: int) -> None:
    """Take no note."""
    del stage, done, total


class Workers:
    """A number of threads. The kernels and Arrow release the GIL, so that threads use every core."""

    def __init__(self, threads: int, progress: Progress = silent) -> None:
        """Use this many threads and tell ``progress`` of finished pieces."""
        self._threads = threads
        self._progress = progress

    def tell(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is whose work is done here."""
        self._progress(stage, done, total)

    def map(
        self, stage: str, function: Callable[[Work], Done], pieces: Sequence[Work], sizes: Sequence[int]
    ) -> Iterator[Done]:
        """Apply ``function`` to every piece and yield the answers in order; ``sizes`` are what progress counts.

        A few pieces are worked ahead, no more, so that memory stays bounded. The first error ends the work. Of a stage
        without a piece nothing is told.
        """
        if not pieces:
            return
        total, done = sum(sizes), 0
        self._progress(stage, 0, total)
        if len(pieces) == 1:  # a thread costs more than a small piece
            yield function(pieces[0])
            self._progress(stage, total, total)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            waiting: deque[tuple[Future[Done], int]] = deque()
            try:
                for piece, size in zip(pieces, sizes, strict=True):
                    waiting.append((pool.submit(function, piece), size))
                    if len(waiting) > _AHEAD * self._threads:
                        future, finished = waiting.popleft()
                        yield future.result()
                        done += finished
                        self._progress(stage, done, total)
                while waiting:
                    future, finished = waiting.popleft()
                    yield future.result()
                    done += finished
                    self._progress(stage, done, total)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
