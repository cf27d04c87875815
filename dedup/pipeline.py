"""The whole dataflow, top to bottom: :func:`find`.

::

    corpus ─→ survey (sketches) ─→ rank (identical texts collapse) ─┬→ lsh ─────────┐
                                                                    └→ postings ────┤ candidates
    result ←─ ledger ←─ copy groups ←─ matches ←─ compare ←─ store (texts again) ←──┘
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup import compare, lsh, postings, sketch
from dedup.candidates import Candidates, check_size, choose, gather
from dedup.cluster import copy_groups
from dedup.corpus import open_corpus
from dedup.kernels.linking import block_starts, components
from dedup.result import Result, grouped, result
from dedup.settings import Settings
from dedup.sketch import Recipe
from dedup.store import TextStore
from dedup.survey import rank, survey
from dedup.text import tokenise
from dedup.workers import Progress, Workers, silent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dedup.corpus import Corpus
    from dedup.survey import Ranking, Survey

# Of the keys that two articles must share by the threshold, the part that must be seen: the rest is the error of the
# sample, and pairs that capped postings left out.
_SEEN = 1 / 3
_BLOCK_BYTES = 8 << 20  # of text whose pairs are verified at a time


def find(
    corpus: object,
    settings: Settings | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> Result:
    """Find the copies in a corpus and account for every word of the articles that have any.

    ``corpus`` is a path, folder, glob or URI of Parquet files, or any object with the Arrow C stream interface.
    ``columns`` maps the fields id, text, title, source, published and url to the corpus's own column names.
    Raises CorpusError where the input is wrong.
    """
    settings = settings or Settings()
    workers = Workers(settings.workers, progress)
    articles = open_corpus(corpus, columns)
    surveyed = survey(articles, recipe(settings), workers)
    ranking = rank(surveyed.sketches, settings.shingle)
    pairs, capped_lists = candidates(surveyed, ranking, settings)
    with TextStore(len(articles)) as store:
        fetch(articles, wanted(ranking, pairs), store, workers)
        matches = verify(store, ranking, pairs, settings, workers)
        groups = grouped(surveyed, ranking, copy_groups(matches, len(ranking)))
        tokens = surveyed.sketches.tokens
        counters = {
            "candidates": len(pairs),
            "capped_lists": capped_lists,
            "capped_articles": pairs.capped,
            "empty": int((tokens == 0).sum()),
            "short": int(((tokens > 0) & (tokens < settings.shingle)).sum()),
            "skipped_files": len(articles.skipped),
        }
        return result(articles, surveyed, groups, matches, store, settings, counters, workers)


def signatures(texts: pa.Array | pa.ChunkedArray, settings: Settings | None = None) -> NDArray[np.uint32]:
    """Return the signatures of texts, (texts, permutations) uint32, bit-equal to datasketch's ``affine32`` scheme."""
    made = recipe(settings or Settings())
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return np.concatenate(
        [np.empty((0, made.permutations), np.uint32), *(sketch.signatures(chunk, made) for chunk in chunks)]
    )


def recipe(settings: Settings) -> Recipe:
    """Return what sketches are made with."""
    return Recipe(
        settings.shingle, settings.permutations, settings.seed, settings.bands, settings.rows, settings.sample
    )


def candidates(surveyed: Survey, ranking: Ranking, settings: Settings) -> tuple[Candidates, int]:
    """Pair the texts that share a band key, or enough sampled shingles; return also how many lists were capped."""
    check_size(len(ranking))
    sketches, first = surveyed.sketches, ranking.first_rows
    ranks = np.full(len(sketches), -1, np.int32)
    ranks[first] = np.arange(len(first))
    near = lsh.candidates(sketches.keys[first], settings.cap)
    excerpts, keys = postings.candidates(sketches.sampled, sketches.places, ranks, settings.cap)
    pairs = gather([near.pairs, excerpts.pairs])
    return choose(
        pairs, np.asarray(keys * (settings.excerpt * _SEEN), np.float64), settings.compared
    ), near.capped + excerpts.capped


def wanted(ranking: Ranking, pairs: Candidates) -> NDArray[np.int64]:
    """Return the rows, ascending, of the articles that have a candidate or an identical twin."""
    involved = np.diff(ranking.places) > 1
    involved[pairs.longer] = True
    involved[pairs.shorter] = True
    return np.sort(ranking.rows[np.repeat(involved, np.diff(ranking.places))])


def fetch(corpus: Corpus, rows: NDArray[np.int64], store: TextStore, workers: Workers) -> None:
    """Read the texts of these rows into the store."""
    pieces = corpus.split(rows)
    for piece in workers.map(
        "fetch", lambda part: list(corpus.select(part, ("text",))), pieces, [len(part) for part in pieces]
    ):
        for numbers, batch in piece:
            store.add(numbers, batch.column(0))
    store.seal()


def verify(
    store: TextStore, ranking: Ranking, pairs: Candidates, settings: Settings, workers: Workers
) -> compare.Matches:
    """Compare the candidates exactly and keep the matches."""
    longer, shorter = pairs.longer, pairs.shorter
    rule = compare.Rule(settings.near, settings.excerpt, settings.excerpt_shingles)
    blocks = _blocks(longer, shorter, store.sizes()[ranking.first_rows])

    def verify_block(block: NDArray[np.int64]) -> compare.Matches:
        texts, numbers = np.unique(np.concatenate([longer[block], shorter[block]]), return_inverse=True)
        tokens = tokenise(store.texts(ranking.first_rows[texts]))
        exact = compare.overlaps(tokens, numbers[: len(block)], numbers[len(block) :], settings.shingle)
        return compare.matches(longer[block], shorter[block], exact, rule)

    return compare.merge(list(workers.map("verify", verify_block, blocks, [len(block) for block in blocks])))


def _blocks(longer: NDArray[np.int64], shorter: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut the pairs into blocks of bounded text; the pairs of a component, and those of a shorter text, stand together.

    The longer texts of a long list are few (postings and buckets pair with the first ones): a block reads these again,
    and every shorter text is read once.
    """
    parents = np.arange(len(sizes))
    components(longer, shorter, parents)
    order = np.lexsort((longer, shorter, parents[longer]))
    cuts = block_starts(longer[order], shorter[order], sizes, _BLOCK_BYTES)
    return np.split(order, cuts[1:]) if len(order) else []
