"""From rows and ranks to the tables of a result."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import (
    ARTICLES,
    BOILERPLATE,
    COPIED,
    COPIES,
    IDENTICAL,
    KINDS,
    MATCHES,
    RELATIONS,
    REWORDED,
    REWRITE,
    SPANS,
    UNIQUE,
)
from dedup.boilerplate import outlet_of
from dedup.credits import find_credits
from dedup.kernels.runs import UNDATED
from dedup.ledger import BOILERPLATE as HOUSE
from dedup.ledger import Context, Ledgers, ledgers
from dedup.origin import EVIDENCE, coverage, origin, shown
from dedup.origin import Members as Sources
from dedup.origin import house as house_of
from dedup.rewording import Teller
from dedup.roles import ORIGINAL, ROLES, Shares, role
from dedup.text import read, views

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.cluster import Groups
    from dedup.corpus import Corpus
    from dedup.credits import Credit
    from dedup.origin import Origin
    from dedup.overlap import Matches
    from dedup.rewrites import Rewrites
    from dedup.store import TextStore
    from dedup.survey import Ranking, Survey
    from dedup.workers import Workers

_BLOCK_BYTES = 4 << 20  # of text whose ledgers are made at a time
_ROWS = 1 << 16  # of the table of copies that are made at a time


class Dated(Protocol):
    """Articles by row, of which it is known how they are called and when they were published."""

    @property
    def ids(self) -> pa.LargeStringArray:
        """Return their ids."""

    @property
    def published(self) -> pa.TimestampArray:
        """Return their times."""


class Admitting(Protocol):
    """Matches by number: the rank of the longer text, the relation, and what it rests on."""

    @property
    def longer(self) -> NDArray[np.int64]:
        """Return the longer texts."""

    @property
    def relation(self) -> NDArray[np.int8]:
        """Return the relations (article.RELATIONS)."""

    @property
    def score(self) -> NDArray[np.float64]:
        """Return the scores, 0..1."""


class Members(NamedTuple):
    """The articles of the copy groups of two or more, group by group, each by (published, id), undated last.

    ``rows`` and ``ranks`` have one value a member; group ``g`` is the members ``places[g]`` to ``places[g + 1]``.
    ``texts[rank]`` is the row that stands for a text: its first article. ``witness[rank]`` is the match that admits it.
    """

    rows: NDArray[np.int64]
    ranks: NDArray[np.int64]
    places: NDArray[np.int64]
    texts: NDArray[np.int64]
    witness: NDArray[np.int64]

    def first_rows(self, articles: int) -> NDArray[np.int64]:
        """Return for each article the first row of its copy group; its own where it is in none."""
        first = np.arange(articles)
        first[self.rows] = np.repeat(self.rows[self.places[:-1]], np.diff(self.places))
        return first


def members(surveyed: Dated, ranking: Ranking, groups: Groups) -> Members:
    """List the articles of every copy group of two or more."""
    root = groups.root[ranking.ranks]
    chosen = np.bincount(root, minlength=len(ranking))[root] > 1
    rows, ranks, root = ranking.rows[chosen], ranking.ranks[chosen], root[chosen]
    order = by_time(surveyed, rows, root)
    rows, ranks, root = rows[order], ranks[order], root[order]
    texts = ranking.first_rows.copy()
    known, first = np.unique(ranks, return_index=True)
    texts[known] = rows[first]
    starts = np.flatnonzero(np.diff(root, prepend=-1))
    return Members(rows, ranks, np.append(starts, len(root)), texts, groups.witness)


def by_time(surveyed: Dated, rows: NDArray[np.int64], within: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of rows by (``within``, published, id), undated last."""
    picked = pa.array(rows)
    table = pa.table({"within": within, "published": surveyed.published.take(picked), "id": surveyed.ids.take(picked)})
    keys = [("within", "ascending"), ("published", "ascending"), ("id", "ascending")]
    return np.asarray(pc.sort_indices(table, keys).to_numpy(), np.int64)


@dataclass(frozen=True)
class Told:
    """The stories: for each article the first row of its story; for each pair of tellers its rows and probability.

    ``witness`` is for each article, -1 for none, the pair by which its copy group belongs to the story.
    """

    first: NDArray[np.int64]
    witness: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probability: NDArray[np.float64]


def told(surveyed: Survey, rows: NDArray[np.int64], first: NDArray[np.int64], found: Rewrites) -> Told:
    """Spread the stories of the tellers (``rows``, by time) over their copy groups (``first`` rows)."""
    story = np.arange(len(first))  # of a copy group, by its first row: the first row of a copy group of its story
    story[first[rows]] = first[rows[found.stories.story]]
    whole = story[first]
    many = np.flatnonzero(np.bincount(whole, minlength=len(whole))[whole] > 1)
    order = many[by_time(surveyed, many, whole[many])]
    leads = order[np.flatnonzero(np.diff(whole[order], prepend=-1))]
    earliest = np.arange(len(first))
    earliest[whole[leads]] = leads
    left, right = rows[found.left], rows[found.right]
    inside = (whole[left] == whole[right]) & (first[left] != first[right])
    witness = np.full(len(first), -1, np.int64)
    for side in (left, right):
        _prefer(witness, first[side], inside, found.probability)
    witness = witness[first]
    witness[first == first[earliest[whole]]] = -1  # the first published one's group needs no witness
    return Told(earliest[whole], witness, left, right, found.probability)


def _prefer(
    best: NDArray[np.int64], of: NDArray[np.int64], among: NDArray[np.bool_], probability: NDArray[np.float64]
) -> None:
    """Set ``best[of[pair]]`` to the most probable pair among some, the first of equals, unless a better is there."""
    pairs = np.flatnonzero(among)
    order = pairs[np.lexsort((pairs, -probability[pairs], of[pairs]))]
    chosen = order[np.flatnonzero(np.diff(of[order], prepend=-1))]
    held = best[of[chosen]]
    better = (held < 0) | (probability[chosen] > probability[held])
    best[of[chosen[better]]] = chosen[better]


# Ledgers -----------------------------------------------------------------------------------------------------------


class Stories(NamedTuple):
    """The articles of stories (or copy groups) of two or more: story ``s`` is ``rows[places[s]:places[s + 1]]``.

    The articles of a story stand by (published, id), undated last.
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int64]


def stories(surveyed: Survey, first: NDArray[np.int64]) -> Stories:
    """List the articles that share their ``first`` row with another."""
    many = np.flatnonzero(np.bincount(first, minlength=len(first))[first] > 1)
    rows = many[by_time(surveyed, many, first[many])]
    return Stories(rows, np.append(np.flatnonzero(np.diff(first[rows], prepend=-1)), len(rows)))


@dataclass(frozen=True)
class Accounts:
    """What the ledgers say, one value an article: counts of words, rows (-1: none), evidence and role (-1), the credit.

    ``borrowed`` is -1 where it is not known. ``capped`` counts stories with more sources than are searched.
    """

    copied: NDArray[np.int64]
    reworded: NDArray[np.int64]
    borrowed: NDArray[np.int64]
    first: NDArray[np.int64]
    origin: NDArray[np.int64]
    confidence: NDArray[np.float64]
    evidence: NDArray[np.int8]
    role: NDArray[np.int8]
    credits: dict[int, Credit]
    spans: pa.Table
    capped: int


class _Told(NamedTuple):
    """The accounts of a block of stories; members by their row."""

    rows: NDArray[np.int64]
    made: Ledgers
    origins: list[Origin]
    members: NDArray[np.int64]  # of each story
    roles: NDArray[np.int8]
    credits: dict[int, Credit]


def account(
    surveyed: Survey,
    about: pa.Table,
    found: Stories,
    store: TextStore,
    background: Background | None,
    size: int,
    workers: Workers,
    asked: NDArray[np.bool_] | None = None,
) -> Accounts:
    """Make the ledgers of all stories. Without a ``background`` nothing but copied runs is looked for.

    Where only some articles are ``asked`` for, nothing reworded is looked for in the others.
    """
    published = surveyed.published.cast(pa.int64()).fill_null(UNDATED).to_numpy()

    def work(block: slice) -> _Told:
        base, end = found.places[block.start], found.places[block.stop]
        rows, groups = found.rows[base:end], found.places[block.start : block.stop + 1] - base
        batch = store.texts(rows)
        reading = read(batch, terms=background is not None)
        boilerplate = surveyed.boilerplate.mask(rows, reading.tokens.places)
        own = reading.tokens.without(boilerplate)
        known = about.take(pa.array(rows))
        outlets = list(map(outlet_of, known["source"].to_pylist(), known["url"].to_pylist()))
        credited: list[list[Credit]] = [[] for _ in rows]
        for text, credit in find_credits(batch, reading):
            credited[text].append(credit)
        covered, when = coverage(own, groups, size), published[rows]
        origins, order = [], np.arange(len(rows))
        for low, high in itertools.pairwise(groups.tolist()):
            members_ = Sources(outlets[low:high], when[low:high], credited[low:high], covered[low:high])
            origins.append(origin(members_))
            order[low:high] = _preferred(low, high, origins[-1].member)
        titles = views(pc.fill_null(known["title"], "").combine_chunks())
        teller = None if background is None else Teller(titles, outlets, background)
        context = Context(reading, order, when, teller, asked=None if asked is None else asked[rows])
        made = ledgers(batch, reading.tokens, boilerplate, groups, size, context)
        sizes = np.diff(own.places)
        roles = _roles(made, origins, groups, sizes, outlets, when)
        signed = [shown(*both) for both in zip(credited, outlets, strict=True)]
        return _Told(
            rows,
            made,
            origins,
            groups,
            roles,
            {row: credit for row, credit in zip(rows.tolist(), signed, strict=True) if credit},
        )

    count = len(surveyed.ids)
    out = Accounts(
        copied=np.zeros(count, np.int64),
        reworded=np.zeros(count, np.int64),
        borrowed=np.zeros(count, np.int64),
        first=np.full(count, -1),
        origin=np.full(count, -1),
        confidence=np.zeros(count),
        evidence=np.full(count, -1, np.int8),
        role=np.full(count, -1, np.int8),
        credits={},
        spans=SPANS.empty_table(),
        capped=0,
    )
    parts, capped = [], 0
    blocks = _blocks(found, store)
    sizes = [int(found.places[block.stop] - found.places[block.start]) for block in blocks]
    for told_ in workers.map("ledger", work, blocks, sizes):
        rows, made = told_.rows, told_.made
        out.copied[rows], out.reworded[rows] = made.copied, made.reworded
        out.borrowed[rows] = np.where(_ordered(published[rows], told_.members), made.borrowed, -1)
        out.role[rows] = told_.roles
        for (low, high), its in zip(itertools.pairwise(told_.members.tolist()), told_.origins, strict=True):
            out.first[rows[low:high]] = rows[low + its.first] if its.first >= 0 else -1
            out.origin[rows[low:high]] = rows[low + its.member] if its.member >= 0 else -1
            out.confidence[rows[low:high]] = its.confidence
            out.evidence[rows[low:high]] = EVIDENCE.index(its.evidence) if its.member >= 0 else -1
        out.credits.update(told_.credits)
        capped += made.capped
        parts.append(_rows_of(made, rows))
    return replace(out, spans=_spans(surveyed.ids, parts), capped=capped)


def _ordered(published: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which texts are known to be before or after another member of their group."""
    out = np.asarray(published != UNDATED, np.bool_)
    for low, high in itertools.pairwise(groups.tolist()):
        its = published[low:high][out[low:high]]
        out[low:high] &= its.size > 0 and bool(its.min() < its.max())
    return out


def _preferred(low: int, high: int, first: int) -> list[int]:
    """Return the texts ``low`` to ``high`` with the origin, counted from ``low``, in front where it is known."""
    every = list(range(low, high))
    return every if first < 0 else [low + first, *every[:first], *every[first + 1 :]]


def _roles(
    made: Ledgers,
    origins: Sequence[Origin],
    groups: NDArray[np.int64],
    own: NDArray[np.int64],
    outlets: Sequence[str],
    published: NDArray[np.int64],
) -> NDArray[np.int8]:
    """Return the role of each text toward the origin of its story, -1 where that or its own words are not known."""
    out = np.full(len(own), -1, np.int8)
    for (low, high), its in zip(itertools.pairwise(groups.tolist()), origins, strict=True):
        lead = low + its.member
        if its.member < 0:
            continue
        out[lead] = ORIGINAL
        for text in range(low, high):
            if text == lead or not own[text]:
                continue
            later = UNDATED != published[lead] < published[text]
            shares = Shares(
                float(made.by_copy[text] / own[text]),
                float(made.by_rewording[text] / own[text]),
                float(made.late[text] / own[text]),
                float(made.held[text] / max(1, made.held[lead])),
            )
            same = outlets[text] != "" and house_of(outlets[text]) == house_of(outlets[lead])
            out[text] = role(shares, same_outlet=same, later=later)
    return out


def _blocks(found: Stories, store: TextStore) -> list[slice]:
    """Cut the stories into blocks of about equal text."""
    count = len(found.places) - 1
    if count == 0:
        return []
    size = np.cumsum(np.add.reduceat(store.sizes()[found.rows], found.places[:-1]))
    edges = [0, *(np.flatnonzero(np.diff(size // _BLOCK_BYTES)) + 1).tolist(), count]
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


def _rows_of(made: Ledgers, rows: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Return the spans of a block as columns: row, start, end, kind, other row, its start, its end, score."""
    spans = made.spans
    sourced = np.where(made.retold, REWORDED, COPIED)
    kinds = np.where(spans.other >= 0, sourced, np.where(spans.other == HOUSE, BOILERPLATE, UNIQUE)).astype(np.int8)
    other = np.where(spans.other < 0, -1, rows[spans.other])
    return rows[spans.text], spans.start, spans.end, kinds, other, spans.other_start, spans.other_end, made.scores


def _spans(ids: pa.LargeStringArray, parts: Sequence[tuple[NDArray[Any], ...]]) -> pa.Table:
    """Make the table of spans, by row and place."""
    if not parts:
        return SPANS.empty_table()
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    row, start, end, kinds, other, other_start, other_end, score = (column[order] for column in columns)
    own = other < 0
    arrays = [
        ids.take(pa.array(row)),
        pa.array(start),
        pa.array(end),
        _named(kinds, KINDS),
        ids.take(pa.array(other, mask=own)),
        pa.array(other_start, mask=own),
        pa.array(other_end, mask=own),
        pa.array(score, mask=own),
    ]
    return pa.table(arrays, schema=SPANS)


def _named(codes: NDArray[Any], names: tuple[str, ...], missing: NDArray[np.bool_] | None = None) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8), mask=missing), pa.array(names))


# Matches -----------------------------------------------------------------------------------------------------------


def match_table(ids: pa.LargeStringArray, found: Members, matches: Matches, told: Told | None) -> pa.Table:
    """List the copies, each article beside the first one of the same text, and the rewrites within stories."""
    twin = found.texts[found.ranks] != found.rows
    left = [found.texts[matches.longer], found.texts[found.ranks[twin]]]
    right = [found.texts[matches.shorter], found.rows[twin]]
    ones = np.ones(int(twin.sum()))
    exact = matches.overlap
    overlaps = (exact.resemblance, exact.longer_in_shorter, exact.shorter_in_longer)
    scores = [[overlap, ones] for overlap in overlaps]
    relation = [matches.relation, np.full(len(ones), IDENTICAL, np.int8)]
    if told is not None:
        own = found.first_rows(len(ids))
        inside = (told.first[told.left] == told.first[told.right]) & (own[told.left] != own[told.right])
        left.append(told.left[inside])
        right.append(told.right[inside])
        relation.append(np.full(int(inside.sum()), REWRITE, np.int8))
        probability = told.probability[inside]
    else:
        probability = np.empty(0)
    lefts, rights, relations = np.concatenate(left), np.concatenate(right), np.concatenate(relation)
    order = np.lexsort((relations, rights, lefts))
    rewrite = (relations == REWRITE)[order]
    blank = np.zeros(len(probability))
    arrays = [ids.take(pa.array(lefts[order])), ids.take(pa.array(rights[order])), _named(relations[order], RELATIONS)]
    arrays.extend(pa.array(np.concatenate([*score, blank])[order], mask=rewrite) for score in scores)
    copies = np.zeros(len(lefts) - len(probability))
    arrays.append(pa.array(np.concatenate([copies, probability])[order], mask=~rewrite))
    return pa.table(arrays, schema=MATCHES)


# Articles ----------------------------------------------------------------------------------------------------------


def article_table(
    surveyed: Survey,
    about: pa.Table,
    found: Members,
    matches: Matches,
    told: Told | None,
    accounts: Accounts,
) -> pa.Table:
    """List every article with its groups, what admitted it, and its shares."""
    ids, count = surveyed.ids, len(surveyed.ids)
    first = found.first_rows(count)
    relation, witness, score = _admissions(found, matches, told, count)
    words = np.maximum(1, surveyed.words)
    house = _covered(surveyed)
    shared = accounts.copied + accounts.reworded
    own = words - house - shared
    signed = [accounts.credits.get(row) for row in range(count)]
    return pa.table(
        [
            ids,
            about["title"],
            about["source"],
            surveyed.published,
            about["url"],
            ids.take(pa.array(first)),
            ids.take(pa.array(first if told is None else told.first)),
            _named(relation, RELATIONS, relation < 0),
            _ids(ids, witness),
            pa.array(score, mask=witness < 0),
            pa.array(surveyed.words),
            pa.array(house / words),
            pa.array(accounts.copied / words),
            pa.array(accounts.reworded / words),
            pa.array(own / words),
            pa.array(shared / words),
            pa.array(accounts.borrowed / words, mask=accounts.borrowed < 0),
            _named(accounts.role, ROLES, accounts.role < 0),
            _ids(ids, accounts.first),
            _ids(ids, accounts.origin),
            pa.array(accounts.confidence, mask=accounts.origin < 0),
            _named(accounts.evidence, EVIDENCE, accounts.evidence < 0),
            pa.array([credit and credit.agency for credit in signed], pa.large_string()),
            pa.array([credit and credit.start for credit in signed], pa.int32()),
            pa.array([credit and credit.end for credit in signed], pa.int32()),
        ],
        schema=ARTICLES,
    )


def copy_batches(ids: pa.LargeStringArray, found: Members, matches: Admitting) -> Iterator[pa.RecordBatch]:
    """List every article with its copy group and what admitted it, as :func:`article_table` does, some at a time."""
    count = len(ids)
    first, (relation, witness, score) = found.first_rows(count), _admissions(found, matches, None, count)
    for start in range(0, count, _ROWS):
        rows = slice(start, min(start + _ROWS, count))
        arrays = [
            ids[rows],
            ids.take(pa.array(first[rows])),
            _named(relation[rows], RELATIONS, relation[rows] < 0),
            _ids(ids, witness[rows]),
            pa.array(score[rows], mask=witness[rows] < 0),
        ]
        yield pa.record_batch(arrays, schema=COPIES)


def _ids(ids: pa.LargeStringArray, rows: NDArray[np.int64]) -> pa.LargeStringArray:
    """Return the ids of rows, null for -1."""
    return ids.take(pa.array(np.maximum(rows, 0), mask=rows < 0))


def _covered(surveyed: Survey) -> NDArray[np.int64]:
    """Count the boilerplate words of every article."""
    places, starts, ends = surveyed.boilerplate
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(ends - starts)])
    return np.asarray(before[places[1:]] - before[places[:-1]], np.int64)


def about(corpus: Corpus, workers: Workers) -> pa.Table:
    """Read title, source and url of every article."""
    fields = [ARTICLES.field(name) for name in ("title", "source", "url")]

    def read(piece: int) -> list[pa.RecordBatch]:
        return [batch for _, batch in corpus.read(piece, [field.name for field in fields])]

    parts = list(workers.map("report", read, range(len(corpus.pieces)), corpus.sizes()))
    return pa.Table.from_batches([batch for part in parts for batch in part], pa.schema(fields)).combine_chunks()


def _admissions(
    found: Members, matches: Admitting, told: Told | None, count: int
) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.float64]]:
    """Return for every row the relation, the witness's row (-1 for none) and the score of what admitted it."""
    relation = np.full(count, -1, np.int8)
    witness = np.full(count, -1, np.int64)
    score = np.zeros(count)
    first = found.texts[found.ranks]
    twin = first != found.rows
    relation[found.rows[twin]] = IDENTICAL
    witness[found.rows[twin]] = first[twin]
    score[found.rows[twin]] = 1.0
    admitted = ~twin & (found.witness[found.ranks] >= 0)
    match = found.witness[found.ranks[admitted]]
    rows = found.rows[admitted]
    relation[rows] = matches.relation[match]
    witness[rows] = found.texts[matches.longer[match]]
    score[rows] = matches.score[match]
    if told is not None:
        rows = np.flatnonzero((relation < 0) & (told.witness >= 0))
        pair = told.witness[rows]
        own = found.first_rows(count)
        ours = own[told.left[pair]] == own[rows]
        relation[rows] = REWRITE
        witness[rows] = np.where(ours, told.right[pair], told.left[pair])
        score[rows] = told.probability[pair]
    return relation, witness, score
