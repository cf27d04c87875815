"""The credit audit: who took how much from whom, and says so or not; and how many independent origins a story has.

It is made from the tables of a result alone. Shares are of an article's own words, boilerplate apart.

Every copied and reworded span names its source. An article *took* the words from there where its credit names the
source's outlet; else, unless the source credits the article's outlet or credits make the article the origin, where the
source was published before. Where neither credit nor time says who took from whom (equal times, no time, no outlet) the
words are *undecided*: they can make a verdict unknown, and never an accusation. Names and feeds of one house, as
"BBC News" and "bbc-top", are one outlet here (origin.house).

============= ======================================================================================
verdict       from the top, the first that holds
============= ======================================================================================
credited      the ``least`` share or more was taken from other outlets, and a credit names any agency or outlet but its
              own, or agencies without a name
uncredited    the same, and there is no such credit
unknown       it would be one of these if what is undecided was taken
own outlet    the ``least`` share or more was taken from earlier articles of its own outlet
mostly own    there is a credit, and less than that was taken
own           the rest
============= ======================================================================================

A member is an *independent origin* where less than half of it stands, copied or reworded, in members published before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.boilerplate import outlet_of
from dedup.kernels.runs import UNDATED
from dedup.origin import CREDITED, OWN_CREDIT, holds, house

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# The lowest share that annotated rewrites of one wire report borrow is 0.54; of independent reports of one event, which
# share its facts and quotes, a quarter shares less than half.
HALF = 0.5
VERDICTS = ("credited", "uncredited", "mostly own", "own outlet", "own", "unknown")
_CREDITED, _UNCREDITED, _MOSTLY, _AGAIN, _OWN, _UNKNOWN = range(len(VERDICTS))
_ROUNDING, _DIGITS = 1e-9, 9  # of a share that is a sum of others

# What an audit says of an article, beside its row of ``articles.parquet``. ``outlet`` is its source, else the host of
# its address. Shares (0..1): ``from_others`` was taken from other outlets, ``copied_from_others`` of that word for
# word; ``from_own_outlet`` from its own; of ``undecided`` it is not known who took it from whom. ``source_id`` is the
# member that most was taken from, ``source_outlet`` its outlet, ``credits_source`` whether the credit names that outlet
# or the origin's. ``independent`` is null where equal or missing times leave it open. All are null outside stories.
AUDIT = pa.schema(
    [
        pa.field("outlet", pa.large_string()),
        pa.field("from_others", pa.float64()),
        pa.field("copied_from_others", pa.float64()),
        pa.field("from_own_outlet", pa.float64()),
        pa.field("undecided", pa.float64()),
        pa.field("source_id", pa.large_string()),
        pa.field("source_outlet", pa.large_string()),
        pa.field("credits_source", pa.bool_()),
        pa.field("verdict", pa.dictionary(pa.int8(), pa.string())),
        pa.field("independent", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Origins:
    """Who was first, where a story comes from, how many independent origins it has, and how many articles by verdict.

    Ids, outlets, the confidence (0..1) and the evidence (origin.EVIDENCE) are null where they are not known. Of the
    members, between ``independent`` and ``independent_at_most`` are independent origins: equal and missing times leave
    the difference open. A story has one at least.
    """

    first_id: str | None
    first_outlet: str | None
    origin_id: str | None
    origin_outlet: str | None
    origin_confidence: float | None
    origin_evidence: str | None
    independent: int
    independent_at_most: int
    verdicts: Mapping[str, int]


def audit(articles: pa.Table, spans: pa.Table, least: float = HALF) -> pa.Table:
    """Return the articles with the columns of :data:`AUDIT`.

    ``articles`` may be some of a result's, if stories are whole; ``least`` is in 0..1.
    """
    story = _codes(articles["story_id"])
    inside = np.bincount(story)[story] > 1
    known, links = _Known.of(articles, inside), _links(articles, spans)
    borrowed = _borrowed(articles)
    links = _capped(links, _order(known, links)[0], borrowed)
    took = _directions(known, links)
    others, again, undecided = (links.total(chosen) for chosen in took)
    source = links.largest(took.others | took.again, _rank(articles))
    lender = pa.array(np.maximum(source, 0), mask=source < 0)
    verdict = _verdicts(others, again, undecided, known.credited, least - _ROUNDING)
    columns = [
        known.named(inside),
        others,
        links.total(took.others, copied=True),
        again,
        undecided,
        articles["id"].combine_chunks().take(lender),
        known.named(inside).take(lender),
        known.credits_any(source, _positions(articles["origin_id"], articles["id"].combine_chunks())),
        pa.DictionaryArray.from_arrays(pa.array(verdict, mask=~inside), pa.array(VERDICTS)),
        _independent(borrowed, links, known, inside & (_own_words(articles) > 0), inside),
    ]
    out = articles
    for field, column in zip(AUDIT, columns, strict=True):
        made = pa.array(column, mask=~inside) if isinstance(column, np.ndarray) else column
        out = out.append_column(field, made.cast(field.type))
    return out


def origins(audited: pa.Table) -> Origins:
    """Sum up the audited articles of one story."""
    lead = audited.slice(0, 1).select(["first_id", "origin_id", "origin_confidence", "origin_evidence"]).to_pylist()[0]
    outlet = {key: _outlet_of(audited, lead[f"{key}_id"]) for key in ("first", "origin")}
    sure = pc.sum(audited["independent"]).as_py() or 0
    counts = {row["values"]: row["counts"] for row in pc.value_counts(audited["verdict"].cast(pa.string())).to_pylist()}
    return Origins(
        **lead,
        first_outlet=outlet["first"],
        origin_outlet=outlet["origin"],
        independent=max(1, sure),
        independent_at_most=max(1, sure + audited["independent"].null_count),
        verdicts={name: counts.get(name, 0) for name in VERDICTS},
    )


def _outlet_of(audited: pa.Table, name: str | None) -> str | None:
    row = -1 if name is None else pc.index(audited["id"], pa.scalar(name, pa.large_string())).as_py()
    return None if row < 0 else audited["outlet"][row].as_py()


def by_outlet(audited: pa.Table) -> pa.Table:
    """Count the audited articles of stories by outlet: ``outlet, articles``, one column a verdict, and two as a source.

    ``lent`` counts the articles of other outlets that took most from this one, ``lent_uncredited`` those that do not
    say so. Outlets with more uncredited articles come first, then larger ones.
    """
    rows = audited.filter(pc.is_valid(audited["verdict"]))
    names = pc.fill_null(rows["outlet"], "").combine_chunks().dictionary_encode()
    outlet, count = names.indices.to_numpy().astype(np.int64), len(names.dictionary)
    verdict = _positions(rows["verdict"].cast(pa.string()), pa.array(VERDICTS))
    counts = np.bincount(outlet * len(VERDICTS) + verdict, minlength=count * len(VERDICTS)).reshape(
        count, len(VERDICTS)
    )
    source = _positions(rows["source_id"], rows["id"].combine_chunks())
    copying = ((verdict == _CREDITED) | (verdict == _UNCREDITED)) & (source >= 0)
    asked = (copying, copying & (verdict == _UNCREDITED))
    lent = [np.bincount(outlet[source[chosen]], minlength=count) for chosen in asked]
    table = pa.table(
        {
            "outlet": names.dictionary,
            "articles": counts.sum(axis=1),
            **{name: counts[:, code] for code, name in enumerate(VERDICTS)},
            "lent": lent[0],
            "lent_uncredited": lent[1],
        }
    )
    return table.sort_by([("uncredited", "descending"), ("articles", "descending"), ("outlet", "ascending")])


# What is known of the articles ------------------------------------------------------------------------------------


class _Known(NamedTuple):
    """Of every article: its outlet and its credit by number (-1 for none), its time, and what credits say.

    ``names`` are the outlets, ``houses`` whose they are (origin.house), ``agencies`` the credits. ``credited`` articles
    credit somebody else; ``origin`` ones are their story's by credits.
    """

    outlet: NDArray[np.int64]
    names: list[str]
    houses: NDArray[np.int64]
    credit: NDArray[np.int64]
    agencies: list[str]
    when: NDArray[np.int64]
    credited: NDArray[np.bool_]
    origin: NDArray[np.bool_]

    @classmethod
    def of(cls, articles: pa.Table, inside: NDArray[np.bool_]) -> _Known:
        source = articles["source"].combine_chunks()
        unnamed = inside & (np.asarray(source.is_null()) | np.asarray(pc.fill_null(pc.equal(source, ""), False)))  # noqa: FBT003
        if unnamed.any():
            urls = articles["url"].combine_chunks().filter(pa.array(unnamed)).to_pylist()
            hosts = pa.array([outlet_of(None, url) for url in urls], source.type)
            source = pc.replace_with_mask(source, pa.array(unnamed), hosts)
        outlet, names = _numbered(pc.if_else(pc.equal(source, ""), pa.scalar(None, source.type), source))
        houses = np.unique([house(name) for name in names] or [""], return_inverse=True)[1]
        credit, agencies = _numbered(articles["credit"].combine_chunks())
        when = articles["published"].cast(pa.int64()).fill_null(UNDATED).to_numpy()
        by_credits = pc.is_in(articles["origin_evidence"].cast(pa.string()), pa.array([CREDITED, OWN_CREDIT]))
        origin = np.asarray(pc.and_(by_credits, pc.fill_null(pc.equal(articles["origin_id"], articles["id"]), False)))  # noqa: FBT003
        known = cls(outlet, names, houses, credit, agencies, when, credit >= 0, origin)
        return known._replace(credited=(credit >= 0) & ~known.credits(credit, outlet))

    def named(self, inside: NDArray[np.bool_]) -> pa.Array:
        """Return the outlets by name, null outside stories."""
        return pa.array(self.names, pa.large_string()).take(pa.array(self.outlet, mask=(self.outlet < 0) | ~inside))

    def credits_any(self, *rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say of every article whether its credit names the outlet of one of these articles (rows, -1 for none)."""
        outlets = [np.where(row >= 0, self.outlet[row], -1) for row in rows]
        named = [self.credits(self.credit, outlet) for outlet in outlets]
        return np.asarray(self.credited & np.any(named, axis=0), np.bool_)

    def credits(self, credit: NDArray[np.int64], outlet: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which of these credits name these outlets; each pair of names is looked at once."""
        width = len(self.names) + 1
        pairs, back = np.unique((credit + 1) * width + outlet + 1, return_inverse=True)
        said = [
            pair >= width and pair % width > 0 and holds(self.agencies[pair // width - 1], self.names[pair % width - 1])
            for pair in pairs.tolist()
        ]
        return np.array(said, np.bool_)[back]


def _numbered(column: pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    """Return the values of a column as numbers, -1 for null, and the distinct values."""
    encoded = column.dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return _numbered(column.combine_chunks())[0]


def _positions(values: pa.ChunkedArray, among: pa.Array) -> NDArray[np.int64]:
    """Return where values stand in an array, -1 for what does not."""
    return np.asarray(pc.index_in(values, value_set=among).fill_null(-1).to_numpy(), np.int64)


def _own_words(articles: pa.Table) -> NDArray[np.float64]:
    words = articles["words"].to_numpy()
    return np.asarray(words - np.rint(words * articles["boilerplate"].to_numpy()), np.float64)


def _rank(articles: pa.Table) -> NDArray[np.int64]:
    """Return the place of every article by (published, id), undated last."""
    order = pc.sort_indices(articles.select(["published", "id"]), [("published", "ascending"), ("id", "ascending")])
    rank = np.empty(len(articles), np.int64)
    rank[order.to_numpy()] = np.arange(len(articles))
    return rank


def _borrowed(articles: pa.Table) -> NDArray[np.float64]:
    """Return what is borrowed, by time alone, as a share of own words; 0 where times do not say."""
    words = pc.fill_null(articles["borrowed"], 0.0).to_numpy() * articles["words"].to_numpy()
    return np.asarray(words / np.maximum(1, _own_words(articles)), np.float64)


# Who shares how much with whom ------------------------------------------------------------------------------------


class _Links(NamedTuple):
    """Shares of article ``of`` that its ledger finds in article ``other``, one row a pair; ``copied`` of that.

    There are ``articles``, and shares are of their own words.
    """

    of: NDArray[np.int64]
    other: NDArray[np.int64]
    shared: NDArray[np.float64]
    copied: NDArray[np.float64]
    articles: int

    def total(self, chosen: NDArray[np.bool_], *, copied: bool = False) -> NDArray[np.float64]:
        """Add up the chosen links of every article."""
        shares = self.copied if copied else self.shared
        return np.asarray(np.minimum(1, np.bincount(self.of[chosen], shares[chosen], self.articles)), np.float64)

    def largest(self, chosen: NDArray[np.bool_], rank: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for every article the other one of its largest chosen link, -1 for none; of equal ones the first."""
        rows = np.flatnonzero(chosen)
        rows = rows[np.lexsort((rank[self.other[rows]], -self.shared[rows].round(_DIGITS), self.of[rows]))]
        rows = rows[np.flatnonzero(np.diff(self.of[rows], prepend=-1))]
        out = np.full(self.articles, -1, np.int64)
        out[self.of[rows]] = self.other[rows]
        return out


def _links(articles: pa.Table, spans: pa.Table) -> _Links:
    """Add up the spans by pair; spans hold characters, so that words are divided in proportion to them."""
    ids = articles["id"].combine_chunks()
    spans = spans.filter(pc.is_valid(spans["other_id"]))
    of = _positions(spans["id"], ids)
    chosen = of >= 0
    spans, of = spans.filter(pa.array(chosen)), of[chosen]
    other = _positions(spans["other_id"], ids)
    sizes = spans["end"].to_numpy() - spans["start"].to_numpy()
    copied = np.asarray(pc.equal(spans["kind"].cast(pa.string()), "copied"))
    shares = np.zeros(len(of))
    own = np.maximum(1, _own_words(articles))
    for name, kind in (("copied", copied), ("reworded", ~copied)):
        counted = np.rint(articles[name].to_numpy() * articles["words"].to_numpy()) / own
        total = np.bincount(of[kind], sizes[kind], len(articles))
        shares[kind] = counted[of[kind]] * sizes[kind] / total[of[kind]]
    count = max(1, len(articles))
    pairs, back = np.unique(of * count + other, return_inverse=True)
    whole, verbatim = (
        np.asarray(np.bincount(back, each, len(pairs)), np.float64) for each in (shares, shares * copied)
    )
    return _Links(pairs // count, pairs % count, whole, verbatim, len(articles))


def _capped(links: _Links, before: NDArray[np.bool_], borrowed: NDArray[np.float64]) -> _Links:
    """Take no more as reworded from earlier members than is borrowed.

    A sentence names the member that holds most of it, even where only a later one knows a name in it: then it is
    reworded, and not borrowed.
    """
    verbatim = links.total(before, copied=True)
    retold = np.maximum(links.total(before) - verbatim, _ROUNDING)
    part = np.clip((borrowed - verbatim) / retold, 0, 1)[links.of]
    return links._replace(shared=np.where(before, links.copied + (links.shared - links.copied) * part, links.shared))


class _Took(NamedTuple):
    """Which links were taken from other outlets, from the own one, and of which it is not known."""

    others: NDArray[np.bool_]
    again: NDArray[np.bool_]
    undecided: NDArray[np.bool_]


def _directions(known: _Known, links: _Links) -> _Took:
    of, other = links.of, links.other
    named = (known.outlet[of] >= 0) & (known.outlet[other] >= 0)
    same = named & (known.houses[known.outlet[of]] == known.houses[known.outlet[other]])
    ours = known.credits(known.credit[of], known.outlet[other]) & ~same
    theirs = known.credits(known.credit[other], known.outlet[of]) & ~same
    ours, theirs = ours & ~theirs, theirs & ~ours
    before, after = _order(known, links)
    took = ours | (before & ~theirs & ~known.origin[of])
    gave = theirs | (after & ~ours) | (known.origin[of] & ~ours)
    return _Took(took & named & ~same, took & same, (~took & ~gave & ~same) | (took & ~named))


def _order(known: _Known, links: _Links) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say of which links the other article was published before, and of which after."""
    mine, theirs = known.when[links.of], known.when[links.other]
    dated = (mine != UNDATED) & (theirs != UNDATED)
    return dated & (theirs < mine), dated & (theirs > mine)


# What that comes to -----------------------------------------------------------------------------------------------


def _verdicts(
    others: NDArray[np.float64],
    again: NDArray[np.float64],
    undecided: NDArray[np.float64],
    credited: NDArray[np.bool_],
    least: float,
) -> NDArray[np.int8]:
    """Return the verdict on each article."""
    asked = [(others >= least) & credited, others >= least, others + undecided >= least, again >= least, credited]
    return np.select(asked, [_CREDITED, _UNCREDITED, _UNKNOWN, _AGAIN, _MOSTLY], _OWN).astype(np.int8)


def _independent(
    borrowed: NDArray[np.float64], links: _Links, known: _Known, able: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> pa.Array:
    """Say which articles are independent origins; null where it depends on an order in time that is not known."""
    before, after = _order(known, links)
    at_most = borrowed + links.total(~before & ~after)
    unknown = (borrowed < HALF) & (at_most >= HALF)
    return pa.array((at_most < HALF) & able, mask=~inside | unknown)
