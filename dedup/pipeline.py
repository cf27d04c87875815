"""The whole dataflow, top to bottom: :func:`find`. Its first half alone, in bounded memory, is ``grouping.copies``.

::

    corpus ─→ learn (boilerplate, rarity) ─→ survey (sketches, outlines) ─→ rank (identical texts collapse)
              copies:   lsh, postings ─→ candidates ─→ store (texts again) ─→ compare ─→ matches ─→ copy groups
              stories:  salient terms in the window ─→ candidates ─→ alignment ─→ rewrites ─→ stories
              result:   ledgers ─→ tables
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from dedup import memory as budgets
from dedup import overlap, sketch, tables
from dedup.alignment import NO_DATE
from dedup.background import Background
from dedup.boilerplate import Observer
from dedup.candidates import SEEN, Candidates, check_size, choose, least
from dedup.cluster import copy_groups
from dedup.corpus import open_corpus, release
from dedup.kernels.linking import block_starts, components
from dedup.lsh import buckets
from dedup.postings import Keys, Room, postings
from dedup.result import Result
from dedup.rewrites import TELLERS, Chronicle, Means, rewrites
from dedup.settings import Settings
from dedup.sketch import Recipe
from dedup.store import Held, TextStore
from dedup.stories import Model
from dedup.survey import learn, rank, survey
from dedup.text import token_hashes
from dedup.work import Column, Work, scratch_folder
from dedup.workers import Progress, Workers, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from dedup.corpus import Corpus
    from dedup.memory import Plan
    from dedup.survey import Ranking, Runs, Survey

HELD_BYTES = 384 << 20  # of text: a corpus that has no more is read once
_BLOCK_BYTES = 16 << 20  # of text whose pairs are verified at a time


def find(
    corpus: object,
    settings: Settings | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    memory: int | str | None = None,
    work: str | Path | None = None,
    progress: Progress = silent,
) -> Result:
    """Find the copies and the stories in a corpus, and account for every word of the articles that have copies.

    ``corpus`` is a path, folder, glob or URI of Parquet files, or any object with the Arrow C stream interface.
    ``columns`` maps the fields id, text, title, source, published and url to the corpus's own column names.

    ``memory`` is a budget: bytes, or a size such as ``"4GB"``. What does not fit goes to files without a name where the
    system keeps temporary ones (TMPDIR), or in the folder ``work``; it changes no result. The tables that are returned
    are within the budget. Without one, three quarters of the machine's memory decide whether anything goes to disk.
    Raises CorpusError where the input is wrong, SettingsError for a budget that is too small, OutputError where a
    folder or a disk does not take the work.
    """
    settings = settings or Settings()
    articles = open_corpus(corpus, columns)
    plan = _plan(articles, settings, memory)
    with scratch_folder(work) as folder, Work(on_disk=plan.on_disk, folder=folder) as kept:
        return _found(articles, settings, plan, kept, Workers(settings.workers, progress))


def _plan(corpus: Corpus, settings: Settings, budget: int | str | None) -> Plan:
    """Plan the run by what the files say of their size."""
    tokens = budgets.expected_tokens(sum(piece.nbytes for piece in corpus.pieces))
    load = budgets.Load(len(corpus), tokens // settings.sample, max(corpus.sizes(), default=0), tokens)
    given = None if budget is None else budgets.parse(str(budget))
    return budgets.plan_find(given, load, settings.workers, HELD_BYTES, stories=settings.stories)


def _found(articles: Corpus, settings: Settings, plan: Plan, work: Work, workers: Workers) -> Result:
    background, held = weighing(settings), Held(plan.held)
    observer = Observer(partial(work.scratch, filed=True), plan.told)
    learned = None if background is None else learn(articles, background, workers, observer)
    records = work.column("outlines", np.int32)
    surveyed = survey(articles, recipe(settings), workers, learned, settings, held, records)
    release()
    ranking = rank(surveyed.sketches, settings.shingle)
    pairs, capped_lists = candidates(surveyed, ranking, settings, workers, Spill(work, plan.room))
    counters = _counters(articles, surveyed, pairs, capped_lists, settings)
    surveyed = replace(surveyed, sketches=sketch.empty(0, recipe(settings)))  # what found the candidates
    with TextStore(len(articles), data=work.filed("texts", np.uint8), held=held) as store:
        fetch(articles, wanted(ranking, pairs), store, workers)
        matches = verify(store, surveyed, ranking, pairs, settings, workers)
        groups = tables.members(surveyed, ranking, copy_groups(matches, len(ranking)))
        told = None
        if background is not None and learned is not None and settings.stories:
            means = Means(learned.vocabulary, background, settings.window, settings.partners, workers, work)
            told, counters["capped_partners"] = retell(surveyed, groups, means, settings)
        stories = tables.stories(surveyed, groups.first_rows(len(articles)) if told is None else told.first)
        fetch(articles, stories.rows, store, Workers(settings.workers))
        about = tables.about(articles, workers)
        rarity = background if settings.stories else None
        accounts = tables.account(surveyed, about, stories, store, rarity, settings.shingle, workers)
        counters["capped_sources"] = accounts.capped
        counters |= {f"no_{name}": about[name].null_count for name in ("title", "source")}
        counters["no_published"] = surveyed.published.null_count
    return Result(
        tables.article_table(surveyed, about, groups, matches, told, accounts),
        tables.match_table(surveyed.ids, groups, matches, told),
        accounts.spans,
        settings.recorded(),
        counters,
        {"source": articles.source, "columns": articles.names},
    )


def weighing(settings: Settings) -> Background | None:
    """Load the background where something is weighed by it; one that is named and cannot be read is refused anyway."""
    weighs = settings.boilerplate or settings.stories
    if not weighs and not settings.background:
        return None
    made = Background.load(Path(settings.background) if settings.background else None)
    return made if weighs else None


def signatures(texts: Iterable[str | None], settings: Settings | None = None) -> NDArray[np.uint32]:
    """Return the signatures of texts, (texts, permutations) uint32, bit-equal to datasketch's ``affine32`` scheme.

    ``texts`` are an Arrow array, taken without a copy, or any strings.
    """
    made = recipe(settings or Settings())
    if not isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = pa.array(texts, pa.large_string())
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return np.concatenate(
        [np.empty((0, made.permutations), np.uint32), *(sketch.signatures(chunk, made) for chunk in chunks)]
    )


def recipe(settings: Settings) -> Recipe:
    """Return what sketches are made with."""
    return Recipe(
        settings.shingle, settings.permutations, settings.seed, settings.bands, settings.rows, settings.sample
    )


def _counters(
    corpus: Corpus, surveyed: Survey, pairs: Candidates, capped_lists: int, settings: Settings
) -> dict[str, int]:
    tokens = surveyed.sketches.tokens
    return {
        "candidates": len(pairs),
        "capped_lists": capped_lists,
        "capped_articles": pairs.capped,
        "empty": int((surveyed.words == 0).sum()),
        "short": int(((surveyed.words > 0) & (tokens < settings.shingle)).sum()),
        "skipped_files": len(corpus.skipped),
    }


# Copies ------------------------------------------------------------------------------------------------------------


class Sketched(NamedTuple):
    """By what candidates are found: ``keys(band)`` of all texts in order of rank, and their sampled shingles."""

    keys: Callable[[int], NDArray[np.uint64]]
    bands: int
    sampled: Keys


class Paired(NamedTuple):
    """Packed pairs of candidates, and how many lists and how many texts had more than are compared."""

    pairs: Column
    capped_lists: int
    capped_texts: int


class Spill(NamedTuple):
    """Where candidates are found, and how many at a time."""

    work: Work
    room: Room


def candidates(
    surveyed: Survey,
    ranking: Ranking,
    settings: Settings,
    workers: Workers | None = None,
    spill: Spill | None = None,
) -> tuple[Candidates, int]:
    """Pair the texts that share a band key, or enough sampled shingles; return also how many lists were capped."""
    sketches, rows, sampled = surveyed.sketches, ranking.first_rows, Column(np.uint32)
    sampled.append(sketches.sampled)
    whole = np.array([0, len(sketches)])
    sketched = Sketched(
        lambda band: sketches.keys[rows, band],
        settings.bands,
        Keys(sampled, sketches.places, ranking.of_rows(len(sketches)), whole),
    )
    work, room = spill or Spill(Work(on_disk=False), Room())
    found = pair(sketched, len(ranking), settings, work, room, workers or Workers(settings.workers))
    pairs = Candidates.of(found.pairs.read(), found.capped_texts)
    work.drop("near", "members", "pairs")
    return pairs, found.capped_lists


def pair(sketched: Sketched, texts: int, settings: Settings, work: Work, room: Room, workers: Workers) -> Paired:
    """Pair the texts that share a band key, or enough sampled shingles, a range of shorter texts at a time."""
    check_size(texts)
    near = buckets(sketched.keys, sketched.bands, settings.cap, work.column("near", np.uint64), workers)
    members = work.column("members", np.uint32)
    with work.scratch(np.uint64) as spread:
        shared = postings(sketched.sampled, settings.cap, members, spread, room, workers)
    enough = least(keys_needed(shared.counts, settings))

    def pick(bounds: tuple[int, int]) -> tuple[NDArray[np.uint64], int]:
        found = shared.pairs(*bounds, near.between(*bounds), enough)
        return choose(found, enough, settings.compared)

    pairs, capped, ranges = work.column("pairs", np.uint64), 0, shared.ranges(room)
    for chosen, more in workers.map("pairs", pick, ranges, [last - first for first, last in ranges]):
        pairs.append(chosen)
        capped += more
    return Paired(pairs, near.capped + shared.capped, capped)


def keys_needed(keys: NDArray[np.int32], settings: Settings) -> NDArray[np.float64]:
    """Return how many sampled shingles a text must share with a longer one to be its candidate, of those it has."""
    return np.asarray(keys * (settings.excerpt * SEEN), np.float64)


def wanted(ranking: Ranking, pairs: Candidates) -> NDArray[np.int64]:
    """Return the rows, ascending, of the articles that have a candidate or an identical twin."""
    involved = np.diff(ranking.places) > 1
    involved[pairs.longer] = True
    involved[pairs.shorter] = True
    return np.sort(ranking.rows[np.repeat(involved, np.diff(ranking.places))])


def fetch(corpus: Corpus, rows: NDArray[np.int64], store: TextStore, workers: Workers) -> None:
    """Read those of the texts of these rows that the store does not have."""

    def read(part: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], pa.Array]]:
        return [(numbers, batch.column(0)) for numbers, batch in corpus.select(part, ("text",))]

    pieces = corpus.split(store.missing(rows))
    for piece in workers.map("fetch", read, pieces, [len(part) for part in pieces]):
        for numbers, column in piece:
            store.add(numbers, column)


def verify(
    store: TextStore, surveyed: Survey, ranking: Ranking, pairs: Candidates, settings: Settings, workers: Workers
) -> overlap.Matches:
    """Compare the candidates exactly and keep the matches."""
    return overlap.merge(list(verified(store, surveyed.boilerplate, ranking, pairs, settings, workers)))


def verified(
    store: TextStore, boilerplate: Runs, ranking: Ranking, pairs: Candidates, settings: Settings, workers: Workers
) -> Iterator[overlap.Matches]:
    """Compare the candidates exactly and yield the matches, block by block of bounded text."""
    longer, shorter, rows = pairs.longer, pairs.shorter, ranking.first_rows
    rule = overlap.Rule(settings.near, settings.excerpt, settings.excerpt_shingles)
    blocks = _blocks(longer, shorter, store.sizes()[rows])

    def verify_block(block: NDArray[np.int64]) -> overlap.Matches:
        texts, numbers = np.unique(rows[np.concatenate([longer[block], shorter[block]])], return_inverse=True)
        tokens = token_hashes(store.batches(texts))
        own = tokens.without(boilerplate.mask(texts, tokens.places))
        exact = overlap.overlaps(own, numbers[: len(block)], numbers[len(block) :], settings.shingle)
        return overlap.matches(longer[block], shorter[block], exact, rule)

    yield from workers.map("verify", verify_block, blocks, [len(block) for block in blocks])


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


# Stories -----------------------------------------------------------------------------------------------------------


class Telling(NamedTuple):
    """The articles that are aligned, by time: their rows; ``first`` is of every row its copy group's first."""

    first: NDArray[np.int64]
    rows: NDArray[np.int64]
    chronicle: Chronicle


def retell(surveyed: Survey, groups: tables.Members, means: Means, settings: Settings) -> tuple[tables.Told, int]:
    """Find the rewrites among copy groups and single articles; return the stories and how many had more partners."""
    telling = tellers(surveyed, groups, means.work)
    means.work.drop("outlines")
    found = rewrites(telling.chronicle, replace(Model.load(), cut=settings.story_threshold), means)
    telling.chronicle.drop(means.work)
    return tables.told(surveyed, telling.rows, telling.first, found), found.capped


def tellers(surveyed: Survey, groups: tables.Members, work: Work) -> Telling:
    """Choose the articles that are aligned, and put their outlines in order."""
    first = groups.first_rows(len(surveyed.ids))
    rows = _tellers(surveyed, groups, first)
    _, seen, group = np.unique(first[rows], return_index=True, return_inverse=True)
    group = np.argsort(np.argsort(seen))[group]  # by time: of equally similar groups the earlier one is taken
    published = surveyed.published.cast(pa.int64()).fill_null(NO_DATE).to_numpy()
    outlined = surveyed.outlined
    assert outlined is not None  # noqa: S101  (the survey makes them where stories are wanted)
    return Telling(first, rows, Chronicle.of(outlined, rows, published[rows], surveyed.outlet[rows], group, work))


def _tellers(surveyed: Survey, groups: tables.Members, first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that are aligned, by time: single articles, and of a copy group its first distinct texts."""
    single = np.ones(len(first), np.bool_)
    single[groups.rows] = False
    distinct = groups.texts[groups.ranks] == groups.rows
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(distinct)])
    nth = before[:-1] - np.repeat(before[groups.places[:-1]], np.diff(groups.places))
    rows = np.concatenate([np.flatnonzero(single), groups.rows[distinct & (nth < TELLERS)]])
    return rows[tables.by_time(surveyed, rows, np.zeros(len(rows), np.int64))]
