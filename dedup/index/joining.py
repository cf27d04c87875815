"""Which story does a newcomer tell? The stages of `find`, within the window around it.

Candidates share salient terms within the window; they are aligned sentence by sentence and scored. Two stories join
where the mean probability over all pairs of their copy groups reaches the threshold, as in `find`; but what has joined
stays together, so that the id of a story never changes under its readers.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup import alignment, stories
from dedup.alignment import NO_DATE
from dedup.article import REWRITE
from dedup.index import catalog
from dedup.index.catalog import NONE
from dedup.index.copies import roots
from dedup.index.partners import Times, Window, partners

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.index.desk import Desk
    from dedup.index.recall import Recall
    from dedup.settings import Settings
    from dedup.stories import Model
    from dedup.vocabulary import Growing
    from dedup.workers import Workers


class Pairs(NamedTuple):
    """Scored pairs of tellers, by number: a newcomer, and another that was there before it."""

    newcomer: NDArray[np.int64]
    other: NDArray[np.int64]
    probability: NDArray[np.float64]
    capped: int
    """Pairs that would have been judged again, but were too many."""


# Pairs -------------------------------------------------------------------------------------------------------------

AGAIN = 300
"""Pairs of others, a newcomer, that are judged again beside it."""


class Means(NamedTuple):
    """What pairs are scored with. With ``keep`` what the newcomers say of others is remembered."""

    recall: Recall
    vocabulary: Growing
    background: Background
    model: Model
    times: Times
    settings: Settings
    workers: Workers
    keep: bool


def pairs(desk: Desk, tellers: NDArray[np.int64], group: dict[int, int], means: Means) -> Pairs:
    """Score the newcomers ``tellers``, counted from 0, beside all that they may retell; then the pairs that this moves.

    What the neighbours of an article all have weighs little, and a pair is judged beside the best of either side: a
    newcomer changes both for the articles that it is close to, and their pairs are scored again: those first whose
    neighbours have become more than when they were last scored, by the share, and of large stories not all. One of many
    neighbours changes little, and in turn all are scored. ``group`` has the copy group of articles that are in one with
    others.
    """
    window = Window(means.settings.window, means.settings.partners, means.times)
    newcomer, other = partners(desk, tellers, means.vocabulary.vocabulary, window, means.recall)
    if not len(newcomer):
        return Pairs(newcomer, other, np.empty(0), 0)
    probability = _score(desk, newcomer, other, group, means, fresh=True)
    strong = means.recall.overdue(np.unique(other[probability > stories.FLOOR]))
    later, earlier, capped = _held(desk, strong, means.recall, AGAIN * len(tellers), keep=means.keep)
    again = _score(desk, later, earlier, group, means, fresh=False)
    return Pairs(
        np.concatenate([newcomer, later]),
        np.concatenate([other, earlier]),
        np.concatenate([probability, again]),
        capped,
    )


def _held(
    desk: Desk, numbers: NDArray[np.int64], recall: Recall, most: int, *, keep: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return ``most`` pairs that count of some articles of the index with others of it, those of the first first.

    They are (later, earlier), ascending; beside them how many are left. With ``keep`` it is remembered whose they are.
    """
    others = [np.sort(recall.likely(number)) for number in numbers.tolist()]
    one, two = np.repeat(numbers, list(map(len, others))), np.concatenate([np.empty(0, np.int64), *others])
    later, earlier = np.maximum(one, two), np.minimum(one, two)
    old = later < desk.newcomers.first
    packed, first = np.unique((later[old] << 32) | earlier[old], return_index=True)
    chosen = np.sort(np.argsort(first, kind="stable")[:most])
    if keep:
        whole = len(chosen) == len(packed)
        owners = len(numbers) if whole else np.flatnonzero(numbers == one[old][first[chosen].max()])[0] + 1
        recall.note_judged(numbers[:owners])
    later, earlier = packed[chosen] >> 32, packed[chosen] & 0xFFFFFFFF
    ends, place = np.unique(np.concatenate([later, earlier]), return_inverse=True)
    there = catalog.there(desk.view, ends)[place].reshape(2, -1).all(axis=0)
    return later[there], earlier[there], len(packed) - len(chosen)


def _score(
    desk: Desk,
    one: NDArray[np.int64],
    two: NDArray[np.int64],
    group: dict[int, int],
    means: Means,
    *,
    fresh: bool,
) -> NDArray[np.float64]:
    """Return the probability that articles tell one story; ``fresh`` pairs make neighbours of them."""
    if not len(one):
        return np.empty(0)
    recall = means.recall
    numbers = np.unique(np.concatenate([one, two]))
    recall.need(desk, numbers)
    published = desk.records(numbers)["published"]
    numbers = numbers[np.lexsort((numbers, published, published == NO_DATE))]
    place = {number: index for index, number in enumerate(numbers.tolist())}
    own = np.array([place[number] for number in one.tolist()])
    theirs = np.array([place[number] for number in two.tolist()])
    left, right = np.minimum(own, theirs), np.maximum(own, theirs)
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    _, of_group = np.unique([group.get(number, number) for number in numbers.tolist()], return_inverse=True)
    vocabulary = means.vocabulary.vocabulary  # tellers that had to be read again have brought terms
    table = recall.profiles(numbers, of_group, vocabulary, means.background)
    none = np.empty(0, np.int64)
    met = alignment.holders(table, left, right) if fresh else alignment.holders(table, none, none)
    local = recall.weigh(numbers, table, met, keep=means.keep)
    columns = np.empty((len(left), len(alignment.EVIDENCE)), np.float32)
    blocks = alignment.blocks(table, left, right)

    def align(block: NDArray[np.int64]) -> None:
        columns[block] = alignment.features(table, local, left[block], right[block])

    for _ in means.workers.map("align", align, blocks, [len(block) for block in blocks]) if blocks else ():
        pass
    whole = recall.contrast(columns, numbers, left, right, of_group, keep=means.keep)
    out = np.empty(len(order))
    out[order] = stories.score(whole, means.model)
    if means.keep:
        recall.remember(one, two, out)
    return out


# Stories -----------------------------------------------------------------------------------------------------------


class Stories:
    """The stories that newcomers touch, and what becomes of them.

    Copy groups are linked anew by average linkage, as in `find`, over all stories that are touched. So an article may
    still move while others arrive; the id of a story stays with the article that founded it.
    """

    def __init__(self, desk: Desk, founded: Mapping[int, int]) -> None:
        """Start from the stories as they are; every newcomer has one of its own.

        ``founded`` names newcomers that were here before and had founded a story, which goes on.
        """
        self._desk, self._founded = desk, founded
        self._links: dict[int, dict[int, float]] = {number: {} for number in desk.newcomers.numbers.tolist()}
        self._linked = set(self._links)
        self._touched: set[int] = set()
        self.capped = 0
        self.before: dict[int, int] = {}  # of every article that is looked at: its story
        self.after: dict[int, int] = {}  # and what that is now
        for story in founded.values():
            self._look_at(story)

    def touch(self, numbers: Iterable[int]) -> None:
        """Look again at the stories of these articles."""
        first = self._desk.newcomers.first
        wanted = sorted(set(numbers) - self.before.keys())
        self.before |= {number: number for number in wanted if number >= first}
        known = np.array([number for number in wanted if number < first], np.int64)
        found = self._desk.records(known)["story"].tolist() if len(known) else []
        for story in sorted(set(found) - self._touched):
            self._look_at(story)

    def _look_at(self, story: int) -> None:
        self._touched.add(story)
        self.before |= dict.fromkeys(self._desk.view.listed(story).tolist(), story)

    def groups(self) -> dict[int, int]:
        """Return the copy group of every article that is looked at, by its longest text."""
        numbers = np.array(sorted(self.before), np.int64)
        return roots(self._desk.records(numbers), numbers)

    def link(self, found: Pairs) -> None:
        """Take note of what pairs of articles say now, and look again at the stories of those that count."""
        self.capped += found.capped
        strong = found.probability > stories.FLOOR
        self.touch([*found.newcomer[strong].tolist(), *found.other[strong].tolist()])
        self._load(found.newcomer.tolist())
        self._linked.update(found.newcomer.tolist())
        for one, two, probability in zip(
            found.newcomer.tolist(), found.other.tolist(), found.probability.tolist(), strict=True
        ):
            self._links[one].pop(two, None)
            if probability > stories.FLOOR:
                self._links[one][two] = probability

    def settle(self, cut: float) -> None:
        """Link the copy groups of all stories that are looked at, and say which story each article is of now."""
        numbers = np.array(sorted(self.before), np.int64)
        records = self._desk.records(numbers)
        top = roots(records, numbers)
        tellers = numbers[records["teller"]]
        self._load(tellers.tolist())
        left, right, probability = self._between(tellers)
        _, group = np.unique([top[number] for number in tellers.tolist()], return_inverse=True)
        made = stories.link(left, right, probability, group, cut)
        cluster = {top[number]: story for number, story in zip(tellers.tolist(), made.story.tolist(), strict=True)}
        clusters: dict[object, list[int]] = {}
        for number in numbers.tolist():  # a copy group none of which tells is a cluster of its own
            clusters.setdefault(cluster.get(top[number], ("group", top[number])), []).append(number)
        versions = {number: self._versions(number) for number in numbers[records["previous"] != NONE].tolist()}
        versions |= {number: {story} for number, story in self._founded.items()}
        self._name(list(clusters.values()), versions)

    def _between(self, tellers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return the links between tellers, ascending, by their places: (earlier, later, probability)."""
        held = [self._links[number] for number in tellers.tolist()]
        sizes = list(map(len, held))
        others = np.fromiter(itertools.chain.from_iterable(held), np.int64, sum(sizes))
        values = np.fromiter(itertools.chain.from_iterable(links.values() for links in held), np.float64, sum(sizes))
        right = np.repeat(np.arange(len(tellers)), sizes)
        left = np.minimum(np.searchsorted(tellers, others), max(0, len(tellers) - 1))
        inside = np.flatnonzero(tellers[left] == others) if len(others) else np.empty(0, np.int64)
        return left[inside], right[inside], values[inside]

    def _versions(self, number: int) -> set[int]:
        """Return what an article was before."""
        out = set()
        while (number := int(self._desk.records(np.array([number]))["previous"][0])) != NONE:
            out.add(number)
        return out

    def _name(self, clusters: list[list[int]], versions: dict[int, set[int]]) -> None:
        """Give each cluster the id of the oldest story whose founder, or first article that is left, it holds.

        A founder holds its story also in another version: no two stories ever have one id.
        """
        heirs: dict[int, int] = {}
        for number, story in sorted(self.before.items()):
            heirs.setdefault(story, number)
        heirs |= {story: number for number, story in self.before.items() if story == number}
        heirs |= {story: number for number, earlier in versions.items() for story in earlier & heirs.keys()}
        claims: dict[int, list[int]] = {}
        for story, heir in heirs.items():
            claims.setdefault(heir, []).append(story)
        for members in clusters:
            held = [story for number in members for story in claims.get(number, ())]
            story = min(held) if held else min(members)
            self.after |= dict.fromkeys(members, story)

    def of(self, number: int) -> int:
        """Return the story of an article that was looked at, as it is now."""
        return self.after[number]

    def members(self, story: int) -> list[int]:
        """Return the articles of a story that was looked at, as it is now."""
        return self._by_story[story]

    @cached_property
    def _by_story(self) -> dict[int, list[int]]:
        members: dict[int, list[int]] = {}
        for number, now in sorted(self.after.items()):
            members.setdefault(now, []).append(number)
        return members

    @cached_property
    def merged(self) -> list[tuple[int, int]]:
        """Return the stories that are no more: (the story that holds their founder now, their own number)."""
        gone = sorted(set(self.before.values()) - set(self.after.values()) - set(self._desk.newcomers.numbers.tolist()))
        if not gone:
            return []
        first: dict[int, int] = {}
        for number, story in self.before.items():
            first[story] = min(number, first.get(story, number))
        return [(self.after[first[one]], one) for one in gone]

    def more(self) -> int:
        """Return how many more stories there are than before."""
        held = {story for number, story in self.before.items() if number < self._desk.newcomers.first}
        return len(set(self.after.values()) - held) - len(held - set(self.after.values()))

    def links(self, number: int) -> dict[int, float]:
        """Return the probabilities of an article's pairs with earlier ones that count."""
        return self._links[number]

    def linked(self) -> list[int]:
        """Return the articles whose links may be others now."""
        return sorted(self._linked)

    def _load(self, numbers: Iterable[int]) -> None:
        missing = np.array(sorted(set(numbers) - self._links.keys()), np.int64)
        for number, links in zip(missing.tolist(), catalog.links_of(self._desk.view, missing), strict=True):
            retold = links[links["relation"] == REWRITE]
            self._links[number] = dict(zip(retold["other"].tolist(), retold["probability"].tolist(), strict=True))


def told(links: dict[int, float]) -> NDArray[Any]:
    """Return the probabilities of an article's pairs as links to keep."""
    out = np.zeros(len(links), catalog.LINK)
    out["other"], out["probability"], out["relation"] = list(links), list(links.values()), REWRITE
    return out
