"""Copy groups and single articles → stories, window by window.

Numbers stand in order of time, and their chunks do: two chunks whose times lie within the window of each other are a
*tile*, and so is any chunk with one that holds articles without a time. What is looked for between articles is looked
for between the two sides of a tile, which a task holds; what an article found in several tiles is then put together.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup import alignment, stories
from dedup.alignment import EVIDENCE, NO_DATE, Holders, Profiles
from dedup.kernels import alignment as kernels
from dedup.kernels import tiling
from dedup.rewrites import SHARED, Tellers, profiles_of
from dedup.spark.articles import CHUNK_BITS
from dedup.spark.frames import begin, block, grouped, keep, made, mapped, numbers, packed, together, unpacked
from dedup.spark.learning import load_background
from dedup.spark.surveying import OUTLINE, outlines_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark import Broadcast
    from pyspark.sql import Column, DataFrame

    from dedup.settings import Settings
    from dedup.spark.learning import Learned

_HOUR = 3_600_000_000  # microseconds
_SUMMED_BITS = 12  # of a number: below them an article's place among those whose counts are added up together
_PAIRS = 1 << 18  # of copy groups that a task links, about
_UNITS = 1 << 30  # probabilities are summed as integers, as stories.link does

_FOUND = pa.schema(
    [
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("left_copy", pa.int64()),
        ("right_copy", pa.int64()),
        ("shared", pa.int32()),
    ]
)
_HELD = pa.schema([("number", pa.int64()), ("neighbours", pa.int64()), ("held", pa.binary())])
_ALIGNED = pa.schema(
    [
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("left_copy", pa.int64()),
        ("right_copy", pa.int64()),
        ("evidence", pa.binary()),  # float32, alignment.EVIDENCE
        ("closeness", pa.float64()),
    ]
)
_SCORED = pa.schema(
    [
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("left_copy", pa.int64()),
        ("right_copy", pa.int64()),
        ("probability", pa.float64()),
        ("units", pa.int64()),
    ]
)
_LINKED = pa.schema([("copy", pa.int64()), ("story", pa.int64())])


class Told(NamedTuple):
    """What there is in stories.

    ``stories``: ``copy`` and ``story`` (the number of the first article of either) of the copy groups that belong to
    another's story. ``pairs``: the pairs within stories (``left``, ``right``, ``probability``). ``admitted``: for each
    ``copy`` the pair by which it belongs to its story. ``capped`` articles had more partners than are aligned.
    """

    stories: DataFrame
    pairs: DataFrame
    admitted: DataFrame
    capped: int


def retell(tellers: DataFrame, learned: Broadcast[Learned], settings: Settings) -> Told:
    """Find the rewrites among ``tellers``: surveyed articles with their ``copy``."""
    session = tellers.sparkSession
    begin(session, "stories: candidates")
    tellers = _without_large_outlets(keep(tellers))
    found = keep(_candidates(tellers, settings))
    pairs = found.filter(F.col("place") <= settings.partners).drop("place")
    begin(session, "stories: alignment")
    aligned = keep(_aligned(tellers, pairs, learned, settings))
    scored = keep(_scored(aligned, settings))
    begin(session, "stories: linkage")
    linked = keep(_linked(tellers, scored, settings))
    inside = keep(_inside(scored, linked))
    capped = found.filter(F.col("place") > settings.partners).count()
    return Told(linked, inside.select("left", "right", "probability"), _admitted(inside), capped)


def _without_large_outlets(tellers: DataFrame) -> DataFrame:
    """Forget the outlets that have half of the articles and more, as :func:`dedup.rewrites.telling` does."""
    count = tellers.count()
    counts = tellers.filter("outlet <> ''").groupBy("outlet").count()
    large = [row["outlet"] for row in counts.filter(F.col("count") * 2 >= count).collect()]
    return tellers.withColumn("outlet", F.when(F.col("outlet").isin(large), "").otherwise(F.col("outlet")))


# Candidates -------------------------------------------------------------------------------------------------------


def _chunk(name: str) -> Column:
    return F.shiftright(name, CHUNK_BITS)


def _candidates(tellers: DataFrame, settings: Settings) -> DataFrame:
    """Pair the articles that share salient terms within the window; ``place`` counts the partners of the later one."""
    keyed = tellers.select("number", "copy", "published", "salient").withColumn("chunk", _chunk("number"))
    sides = _tiles(keyed, settings)
    earlier = keyed.join(F.broadcast(sides.select(F.col("earlier").alias("chunk"), "tile", "later")), "chunk")
    later = keyed.join(F.broadcast(sides.select(F.col("later").alias("chunk"), "tile")), "chunk")
    work = partial(_between, hours=settings.window, most=settings.partners + 1)
    found = together(later, earlier.filter("chunk <> later"), "tile", work, _FOUND)
    likeliest = Window.partitionBy("right").orderBy(F.desc("shared"), F.desc("left"))
    placed = found.withColumn("place", F.row_number().over(likeliest))
    return placed.filter(F.col("place") <= settings.partners + 1)


def _tiles(keyed: DataFrame, settings: Settings) -> DataFrame:
    """Return which chunks meet: ``earlier``, ``later`` and the number of their ``tile``; a few bytes a chunk."""
    times = keyed.groupBy("chunk").agg(
        F.min("published").alias("first"),
        F.max("published").alias("last"),
        (F.count("*") > F.count("published")).alias("undated"),
    )
    chunks = times.orderBy("chunk").collect()
    window = int(settings.window * _HOUR)
    tiles: list[tuple[int, int, int]] = []
    for place, later in enumerate(chunks):
        for earlier in reversed(chunks[: place + 1]):
            far = earlier is not later and later["first"] is not None and later["first"] - earlier["last"] > window
            if far and not later["undated"]:
                break
            tiles.append((len(tiles), int(earlier["chunk"]), int(later["chunk"])))
    return keyed.sparkSession.createDataFrame(tiles, "tile int, earlier long, later long")


class _Keyed(NamedTuple):
    """Articles in order of time with their keys."""

    numbers: NDArray[np.int64]
    copies: NDArray[np.int64]
    published: NDArray[np.int64]
    places: NDArray[np.int64]
    terms: NDArray[np.uint64]

    @staticmethod
    def of(table: pa.Table) -> _Keyed:
        rows = table.sort_by("number")
        places, terms = unpacked(rows["salient"], np.uint64)
        return _Keyed(numbers(rows, "number"), numbers(rows, "copy"), _times(rows), places, terms)


def _times(rows: pa.Table) -> NDArray[np.int64]:
    return np.asarray(rows["published"].fill_null(NO_DATE).to_numpy())


def _between(later: pa.Table, earlier: pa.Table, hours: float, most: int) -> pa.RecordBatch:
    """Pair the two sides of a tile; of a chunk with itself there is one."""
    same = len(earlier) == 0
    two = _Keyed.of(later)
    one = two if same else _Keyed.of(earlier)
    known = np.unique(one.terms)
    keys = np.searchsorted(known, one.terms)
    places = np.minimum(np.searchsorted(known, two.terms), max(0, len(known) - 1))
    later_keys = np.where(known[places] == two.terms, places, len(known)) if len(known) else places
    out = np.empty((len(two.numbers) * min(most, len(one.numbers)), 3), np.int32)
    window = int(hours * _HOUR)
    sides = (keys, one.places, one.published, later_keys, two.places, two.published)
    count = tiling.between(*sides, same, NO_DATE, window, SHARED, most, out)
    left, right, shared = out[:count].T
    return made(_FOUND, one.numbers[left], two.numbers[right], one.copies[left], two.copies[right], shared)


# Alignment --------------------------------------------------------------------------------------------------------


def _aligned(tellers: DataFrame, pairs: DataFrame, learned: Broadcast[Learned], settings: Settings) -> DataFrame:
    """Align the pairs of each tile."""
    held = _holders(tellers, pairs)
    tiled = pairs.withColumn("one", _chunk("left")).withColumn("two", _chunk("right"))
    sides = [tiled.select("one", "two", F.col(side).alias("number")) for side in ("left", "right")]
    needed = sides[0].union(sides[1]).distinct()
    outlined = tellers.select("number", "copy", "published", "outlet", *OUTLINE[:-1]).join(held, "number", "left")
    work = partial(_compared, learned=learned, settings=settings)
    return together(tiled, needed.join(outlined, "number"), ("one", "two"), work, _ALIGNED)


def _holders(tellers: DataFrame, pairs: DataFrame) -> DataFrame:
    """Count the neighbours of every article, and those that hold each of its terms; a copy group counts once."""
    apart = pairs.filter("left_copy <> right_copy")
    ways = [
        apart.select(F.col(one).alias("number"), F.col(two).alias("other"), F.col(f"{two}_copy").alias("copy"))
        for one, two in (("left", "right"), ("right", "left"))
    ]
    edges = ways[0].union(ways[1]).groupBy("number", "copy").agg(F.min("other").alias("other"))
    tiled = edges.select(_chunk("number").alias("one"), _chunk("other").alias("two"), "number", "other")
    sides = [tiled.select("one", "two", F.col(name).alias("number")) for name in ("number", "other")]
    needed = sides[0].union(sides[1]).distinct().join(tellers.select("number", "terms"), "number")
    parts = together(tiled, needed, ("one", "two"), _held, _HELD)
    return grouped(parts.groupBy(F.shiftright("number", _SUMMED_BITS).alias("block")), _summed, _HELD)


def _held(edges: pa.Table, texts: pa.Table) -> pa.RecordBatch:
    """Count the neighbours on the other side of a tile that hold an article's terms."""
    texts = texts.sort_by("number")
    known, (places, hashes) = numbers(texts, "number"), unpacked(texts["terms"], np.uint64)
    distinct, terms = np.unique(hashes, return_inverse=True)
    edges = edges.sort_by([("number", "ascending"), ("other", "ascending")])
    article = np.searchsorted(known, numbers(edges, "number"))
    members = np.searchsorted(known, numbers(edges, "other")).astype(np.int32)
    counts = np.bincount(article, minlength=len(known))
    starts = np.concatenate([[0], np.cumsum(counts)])
    held = np.zeros(len(terms), np.int32)
    kernels.count_holders(places, terms.astype(np.int32), len(distinct), starts, members, counts, held)
    asked = np.flatnonzero(counts)
    batch = made(_HELD, known, counts, packed(held, places))
    return batch.take(pa.array(asked))


def _summed(parts: pa.Table) -> pa.RecordBatch:
    """Add up what the tiles of an article counted."""
    parts = parts.sort_by("number")
    known, article = np.unique(numbers(parts, "number"), return_inverse=True)
    places, held = unpacked(parts["held"], np.int32)
    first = np.searchsorted(article, np.arange(len(known)))
    sizes = np.diff(places)
    bounds = np.concatenate([[0], np.cumsum(sizes[first])])
    within = np.arange(len(held)) - np.repeat(places[:-1], sizes)
    total = np.zeros(bounds[-1], np.int32)
    np.add.at(total, np.repeat(bounds[article], sizes) + within, held)
    neighbours = np.bincount(article, numbers(parts, "neighbours"), minlength=len(known)).astype(np.int64)
    return made(_HELD, known, neighbours, packed(total, bounds))


def _compared(pairs: pa.Table, texts: pa.Table, learned: Broadcast[Learned], settings: Settings) -> pa.RecordBatch:
    """Align the pairs of a tile."""
    texts = texts.sort_by("number")
    known = numbers(texts, "number")
    profiles, held = _profiles(texts, learned.value, settings)
    local = alignment.local_weights(profiles, held)
    left, right = (np.searchsorted(known, numbers(pairs, side)) for side in ("left", "right"))
    columns = np.empty((len(left), len(EVIDENCE)), np.float32)
    for part in alignment.blocks(profiles, left, right):
        columns[part] = alignment.features(profiles, local, left[part], right[part])
    names = ("left", "right", "left_copy", "right_copy")
    evidence = packed(columns, np.arange(len(columns) + 1))
    return made(_ALIGNED, *(numbers(pairs, name) for name in names), evidence, alignment.closeness(columns))


def _profiles(texts: pa.Table, learned: Learned, settings: Settings) -> tuple[Profiles, Holders]:
    outlines, terms = outlines_of(texts)
    background = load_background(settings)
    names = texts["outlet"].to_pylist()
    numbered = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    outlet = np.array([numbered.get(name, -1) for name in names], np.int32)
    _, group = np.unique(numbers(texts, "copy"), return_inverse=True)
    tellers = Tellers(outlines, _times(texts), outlet, group)
    made_ = profiles_of(tellers, learned.weigh(terms, background), background)
    counts = texts["neighbours"].fill_null(0).to_numpy()
    held = np.zeros(len(outlines.terms.values), np.int32)
    places, given = unpacked(texts["held"], np.int32)
    sizes = np.diff(outlines.terms.places)
    held[np.repeat(np.diff(places) > 0, sizes)] = given
    return replace(made_, outlet=outlet), Holders(np.asarray(counts, np.int64), held)


# Scores ------------------------------------------------------------------------------------------------------------


def _scored(aligned: DataFrame, settings: Settings) -> DataFrame:
    """Judge each pair beside the best of either article."""
    apart = aligned.filter("left_copy <> right_copy")
    sides = [apart.select(F.col(side).alias("number"), "closeness") for side in ("left", "right")]
    best = sides[0].union(sides[1]).groupBy("number").agg(F.max("closeness").alias("best"))
    joined = aligned
    for side in ("left", "right"):
        of_side = best.select(F.col("number").alias(side), F.col("best").alias(f"best_{side}"))
        joined = joined.join(of_side, side, "left")
    return mapped(joined, partial(_judged, settings=settings), _SCORED)


def _judged(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    count = batch.num_rows
    none = alignment.no_best(1)[0]
    best = np.concatenate(
        [batch[f"best_{side}"].fill_null(none).to_numpy(zero_copy_only=False) for side in ("left", "right")]
    )
    copies = np.concatenate([numbers(batch, f"{side}_copy") for side in ("left", "right")])
    evidence = unpacked(batch["evidence"], np.float32).values.reshape(count, len(EVIDENCE))
    one = np.arange(count)
    columns = alignment.contrast(evidence, one, one + count, copies, best.copy())
    probability = stories.score(columns, replace(stories.Model.load(), cut=settings.story_threshold))
    names = ("left", "right", "left_copy", "right_copy")
    units = np.rint(probability * _UNITS).astype(np.int64)
    return made(_SCORED, *(numbers(batch, name) for name in names), probability, units)


# Stories -----------------------------------------------------------------------------------------------------------


def _linked(tellers: DataFrame, scored: DataFrame, settings: Settings) -> DataFrame:
    """Link copy groups into stories, every component of strong edges by itself."""
    sizes = tellers.groupBy("copy").count()
    apart = scored.filter("left_copy <> right_copy")
    low, high = F.least("left_copy", "right_copy").alias("low"), F.greatest("left_copy", "right_copy").alias("high")
    edges = apart.select(low, high, "units").groupBy("low", "high").agg(F.sum("units").alias("total"))
    for side in ("low", "high"):
        edges = edges.join(sizes.select(F.col("copy").alias(side), F.col("count").alias(f"of_{side}")), side)
    weight = F.rint(F.col("total") / (F.col("of_low") * F.col("of_high")))
    strong = edges.filter((weight > stories.FLOOR * _UNITS) & (weight >= settings.story_threshold * _UNITS))
    component = keep(components(strong.select("low", "high")))
    sided = apart
    for side in ("left", "right"):
        of_side = component.select(F.col("copy").alias(f"{side}_copy"), F.col("component").alias(f"{side}_component"))
        sided = sided.join(of_side, f"{side}_copy")
    within = sided.filter("left_component = right_component").withColumnRenamed("left_component", "component")
    blocks = max(1, within.count() // _PAIRS)
    pairs = within.select(block("component", blocks), "left", "right", "probability")
    members = tellers.select("number", "copy").join(component, "copy")
    work = partial(_link, cut=settings.story_threshold)
    return together(pairs, members.select(block("component", blocks), "number", "copy"), "block", work, _LINKED)


def components(edges: DataFrame) -> DataFrame:
    """Return the ``component`` (its smallest node) of every ``copy`` that an edge (``low`` < ``high``) touches.

    Large-star and small-star (Kiveris and others 2014) by turns, each one shuffle by node, until nothing changes.
    """
    pairs = keep(edges.distinct())
    while True:
        starred = keep(_small_star(_large_star(pairs)))
        changed = starred.exceptAll(pairs).limit(1).count() + pairs.exceptAll(starred).limit(1).count()
        pairs = starred
        if not changed:
            break
    nodes = pairs.select(F.col("high").alias("copy"), F.col("low").alias("component"))
    heads = pairs.select(F.col("low").alias("copy"), F.col("low").alias("component"))
    return nodes.union(heads).distinct()


def _large_star(pairs: DataFrame) -> DataFrame:
    """Connect the larger neighbours of every node with the smallest of its neighbourhood."""
    both = pairs.select(F.col("low").alias("node"), F.col("high").alias("other")).union(
        pairs.select(F.col("high").alias("node"), F.col("low").alias("other"))
    )
    least = both.groupBy("node").agg(F.least(F.col("node"), F.min("other")).alias("low"))
    larger = both.filter("other > node").join(least, "node")
    return larger.select("low", F.col("other").alias("high")).distinct()


def _small_star(pairs: DataFrame) -> DataFrame:
    """Connect every node and its smaller neighbours with the smallest of them."""
    least = pairs.groupBy("high").agg(F.min("low").alias("least"))
    smaller = pairs.join(least, "high")
    moved = smaller.select(F.col("least").alias("low"), F.col("low").alias("high")).filter("low < high")
    return moved.union(least.select(F.col("least").alias("low"), "high")).distinct()


def _link(pairs: pa.Table, members: pa.Table, cut: float) -> pa.RecordBatch:
    """Link the copy groups of some components."""
    members = members.sort_by("number")
    known = numbers(members, "number")
    copies, group = np.unique(numbers(members, "copy"), return_inverse=True)
    left, right = (np.searchsorted(known, numbers(pairs, side)) for side in ("left", "right"))
    order = np.lexsort((right, left))
    probability = numbers(pairs, "probability")[order]
    found = stories.link(left[order], right[order], probability, group, cut)
    first = np.full(len(known), np.iinfo(np.int64).max)
    np.minimum.at(first, found.story, copies[group])
    _, one = np.unique(group, return_index=True)
    return made(_LINKED, copies, first[found.story[one]])


def _inside(scored: DataFrame, linked: DataFrame) -> DataFrame:
    """Return the pairs of different copy groups of one story."""
    joined = scored.filter("left_copy <> right_copy")
    for side in ("left", "right"):
        of_side = linked.select(F.col("copy").alias(f"{side}_copy"), F.col("story").alias(f"{side}_story"))
        joined = joined.join(of_side, f"{side}_copy")
    return joined.filter("left_story = right_story").withColumnRenamed("left_story", "story")


def _admitted(inside: DataFrame) -> DataFrame:
    """Return of every copy group the most probable pair, of equals the one that it is the earlier of, then the first.

    The group of the first article of a story needs none.
    """
    sides: list[DataFrame] = []
    for place, side in enumerate(("left", "right")):
        order = ((-F.col("probability")).alias("behind"), F.lit(place).alias("side"), F.col("left"), F.col("right"))
        sides.append(inside.select(F.col(f"{side}_copy").alias("copy"), "story", F.struct(*order).alias("pair")))
    best = sides[0].union(sides[1]).filter("copy <> story").groupBy("copy").agg(F.min("pair").alias("pair"))
    return best.select("copy", "pair.left", "pair.right", (-F.col("pair.behind")).alias("probability"))
