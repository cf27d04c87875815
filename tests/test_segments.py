"""Sorted runs of postings equal a list of them, in memory, in files and merged; a damaged file is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.errors import IndexStateError
from dedup.index import segments
from dedup.index.segments import Run, Segment
from dedup.kernels import seeking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

TOP = (1 << 64) - 1
NOBODY = np.zeros(0, np.uint8)
# Hashes, and what a hash is hardly ever: neighbours, the ends of the range, one bucket for all.
some_key = st.one_of(
    st.integers(0, TOP), st.sampled_from([0, 1, 2, 1 << 63, (1 << 63) + 1, TOP - 1, TOP]), st.integers(0, 60)
)
some_weight = st.integers(0, 3) | st.just((1 << 32) - 1)


@dataclass(frozen=True)
class Posting:
    """What the oracle knows of an entry."""

    key: int
    weight: int
    number: int


some_postings = st.lists(st.builds(Posting, some_key, some_weight, st.integers(0, 300)), max_size=120)


def words_of(postings: Sequence[Posting]) -> NDArray[np.uint64]:
    """Return entries in order, by the module's own hand: every posting an article of its own."""
    return segments.entries(
        np.array([each.number for each in postings], np.int64),
        np.array([each.key for each in postings], np.uint64),
        np.arange(len(postings) + 1),
        np.array([each.weight for each in postings], np.uint32),
    )


def asked(postings: Sequence[Posting], keys: Sequence[int], most: int, gone: Sequence[int] = ()) -> list[list[int]]:
    """Answer as :func:`segments.find` has to."""
    rows = []
    for query, key in enumerate(keys):
        own = [(-each.weight, each.number) for each in postings if each.key == key and each.number not in gone]
        rows += [[query, number, -weight] for weight, number in sorted(own)[: most or None]]
    return rows


def rows_of(found: segments.Found) -> list[list[int]]:
    return np.stack(found, axis=1).tolist() if len(found.query) else []


def bitmap(numbers: Sequence[int]) -> NDArray[np.uint8]:
    bits = np.zeros(max(numbers, default=-1) + 1, np.uint8)
    bits[list(numbers)] = 1
    return np.packbits(bits, bitorder="little")


def filed(path: Path, several: Sequence[Sequence[Posting]], gone: Sequence[int] = ()) -> Segment | None:
    """Write postings as family 3 of a segment, between two other families; None where nothing is left."""
    sections = [segments.section(words_of(each)) for each in several]
    other = [segments.section(words_of([Posting(5, 1, 301), Posting(9, 1, 302)]))]
    described = segments.write(path, {1: other, 3: sections, 7: other}, bitmap(gone))
    return Segment(path, described) if 3 in described["families"] else None


@given(st.lists(some_postings, max_size=4), st.lists(some_key, max_size=30), st.integers(0, 3), st.data())
def test_find_equals_brute_force(several: list[list[Posting]], others: list[int], most: int, data: Any) -> None:
    together = [each for postings in several for each in postings]
    keys = [*others, *(each.key for each in together)]
    gone = data.draw(st.lists(st.integers(0, 300), max_size=20))
    sections = [(None, segments.section(words_of(each))) for each in several]
    found = segments.find(sections, np.array(keys, np.uint64), most, bitmap(gone))
    assert rows_of(found) == asked(together, keys, most, gone)


@given(some_postings, some_postings, st.lists(st.integers(0, 300), max_size=5), st.integers(0, 2))
@pytest.mark.no_cover
def test_a_file_equals_memory(
    tmp_path_factory: pytest.TempPathFactory, one: list[Posting], two: list[Posting], gone: list[int], most: int
) -> None:
    path = tmp_path_factory.mktemp("segments") / "one.keys"
    segment = filed(path, [one, two], gone)
    together = [*one, *two]
    if segment is None:
        assert all(each.number in gone for each in together)
        return
    keys = [each.key for each in together]
    found = segments.find([(None, segment.sections[3])], np.array(keys, np.uint64), most, NOBODY)
    assert rows_of(found) == asked(together, keys, most, gone)
    assert segment.damages() == []


def test_a_partition_is_searched_alone() -> None:
    sections: list[tuple[int | None, segments.Section]] = [
        (part, segments.section(words_of([Posting(7, 1, number)]))) for part, number in ((4, 40), (5, 50), (None, 60))
    ]
    keys, parts = np.array([7, 7, 7], np.uint64), np.array([5, 4, 9], np.uint16)
    assert rows_of(segments.find(sections, keys, 0, NOBODY, parts)) == [
        [0, 50, 1],
        [0, 60, 1],
        [1, 40, 1],
        [1, 60, 1],
        [2, 60, 1],
    ]


@given(st.lists(some_postings, min_size=1, max_size=5))
def test_runs_become_one(several: list[list[Posting]]) -> None:
    runs = [Run(np.array([1]), np.array([0], np.uint16), {2: words_of(each)}) for each in several]
    one = Run.of(runs)
    together = [each for postings in several for each in postings]
    assert len(one) == len(together)
    words = one.sections[2].words if together else np.zeros(0, np.uint64)
    assert words.tolist() == words_of(together).tolist()
    stacked: tuple[Run, ...] = ()
    for run in runs:
        stacked = segments.stacked(stacked, [run])
    assert sum(map(len, stacked)) == len(together)


def test_stacked_runs_stay_few() -> None:
    stacked: tuple[Run, ...] = ()
    for number in range(1000):
        words = words_of([Posting(number, 1, number)])
        stacked = segments.stacked(stacked, [Run(np.array([number]), np.array([0], np.uint16), {0: words})])
    assert len(stacked) <= 10
    assert sum(map(len, stacked)) == 1000


@given(st.lists(st.tuples(st.integers(0, 4), some_postings), max_size=4))
def test_a_run_is_divided_by_partition(batches: list[tuple[int, list[Posting]]]) -> None:
    runs, expected = [], dict[int, list[Posting]]()
    for index, (part, postings) in enumerate(batches):
        own = [Posting(each.key, each.weight, 1000 * index + each.number) for each in postings]
        numbers = sorted({each.number for each in own})
        runs.append(Run(np.array(numbers, np.int64), np.full(len(numbers), part, np.uint16), {0: words_of(own)}))
        expected.setdefault(part, []).extend(own)
    divided = Run.of(runs).by_part() if runs else {}
    assert {part: families[0].tolist() for part, families in divided.items() if families} == {
        part: words_of(postings).tolist() for part, postings in expected.items() if postings
    }


@given(some_postings, st.lists(st.integers(0, 4000), max_size=5))
def test_packing_keeps_a_run(postings: list[Posting], parts: list[int]) -> None:
    run = Run(np.arange(len(parts)), np.array(parts, np.uint16), {0: words_of(postings), 6: words_of(postings[:3])})
    back = Run.unpack(run.pack())
    assert back.numbers.tolist() == run.numbers.tolist()
    assert back.parts.tolist() == parts
    assert {family: each.words.tolist() for family, each in back.sections.items()} == {
        family: each.words.tolist() for family, each in run.sections.items()
    }


# Size ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Segment, NDArray[np.uint64]]:
    """Return a segment of 300,000 postings of hashes, and one key of 5,000 postings; and the hashes."""
    random = np.random.default_rng(5)
    keys = random.integers(0, TOP, 300_000, np.uint64, endpoint=True)
    keys[:5000] = keys[0]
    numbers = np.arange(len(keys))
    words = segments.entries(numbers, keys, np.arange(len(keys) + 1), (numbers % 7).astype(np.uint32))
    path = tmp_path_factory.mktemp("large") / "large.keys"
    half = len(words) // 4 * 2
    parts = [segments.section(np.ascontiguousarray(each)) for each in (words[:half], words[half:])]
    return Segment(path, segments.write(path, {0: parts}, NOBODY)), keys


@pytest.mark.no_cover
def test_many_are_found(large: tuple[Segment, NDArray[np.uint64]]) -> None:
    segment, keys = large
    found = segments.find([(None, segment.sections[0])], keys[4999:], 1, NOBODY)
    assert (found.query == np.arange(len(keys) - 4999)).all()
    assert (found.number[1:] == np.arange(5000, len(keys))).all()
    assert (found.number[0], found.weight[0]) == (6, 6)
    all_of_one = segments.find([(None, segment.sections[0])], keys[:1], 0, NOBODY)
    assert sorted(all_of_one.number.tolist()) == list(range(5000))
    assert (np.diff(all_of_one.weight) <= 0).all()


def test_absent_keys_are_not_found(large: tuple[Segment, NDArray[np.uint64]]) -> None:
    segment, keys = large
    near = np.concatenate([keys + np.uint64(1), keys - np.uint64(1)])
    near = near[~np.isin(near, keys)]
    assert rows_of(segments.find([(None, segment.sections[0])], near, 0, NOBODY)) == []


def test_a_stream_gives_everything_in_order(large: tuple[Segment, NDArray[np.uint64]]) -> None:
    segment, keys = large
    words = np.concatenate(list(segments.stream(segment.sections[0])))
    assert words.tolist() == segment.sections[0].words.tolist()
    assert (words[::2] == np.sort(keys)).all()
    assert seeking.ascending(words)


# Damage --------------------------------------------------------------------------------------------------------------


def flipped(path: Path, byte: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def test_every_flipped_bit_is_told(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    postings = [Posting(int(key), 1, number) for number, key in enumerate(random.integers(0, TOP, 1500, np.uint64))]
    path = tmp_path / "one.keys"
    sections = [segments.section(words_of(postings))]
    described = segments.write(path, {1: sections, 3: sections}, NOBODY)
    whole = path.read_bytes()
    keys = np.array([each.key for each in postings], np.uint64)
    expected = asked(postings, keys.tolist(), 0)
    raised = 0
    for byte, bit in zip(
        random.integers(0, len(whole), 150).tolist(), random.integers(0, 8, 150).tolist(), strict=True
    ):
        path.write_bytes(whole)
        flipped(path, byte, bit)
        try:
            damaged = Segment(path, described)
            assert damaged.damages() != []
            found = segments.find([(None, damaged.sections[3])], keys, 0, NOBODY)
            assert rows_of(found) == expected  # the damage lies elsewhere
        except IndexStateError as error:
            assert str(path) in str(error)  # noqa: PT017  (either is right)
            raised += 1
    assert raised > 50


@pytest.mark.parametrize("size", [0, 1, 40, -1])
def test_a_cut_file_is_told(tmp_path: Path, size: int) -> None:
    path = tmp_path / "one.keys"
    described = segments.write(path, {0: [segments.section(words_of([Posting(1, 1, 1)]))]}, NOBODY)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(
        IndexStateError, match=rf"one\.keys: damaged \([\d,]+ bytes where {described['bytes']} are expected\)"
    ):
        Segment(path, described)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    described = {"bytes": 16, "end": 16, "sums": "", "families": {}}
    with pytest.raises(IndexStateError, match=r"gone\.keys: cannot be read \(No such file or directory\)"):
        Segment(tmp_path / "gone.keys", described)


def test_a_merge_does_not_spread_damage(tmp_path: Path) -> None:
    path = tmp_path / "one.keys"
    segment = filed(path, [[Posting(key, 1, key) for key in range(500)]])
    assert segment is not None
    flipped(path, 5000, 2)
    with pytest.raises(IndexStateError, match=r"one\.keys: damaged \(block 1\)"):
        segments.write(tmp_path / "two.keys", {0: [segment.sections[3]]}, NOBODY)
