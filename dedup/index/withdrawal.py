"""Articles go: nothing finds them any more, and who leant on them finds another hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.article import REWRITE
from dedup.cluster import grow
from dedup.index import catalog
from dedup.index.catalog import NONE
from dedup.index.copies import ranked

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dedup.index.shelf import Writer


def withdraw(writer: Writer, numbers: NDArray[np.int64], repost: Callable[[NDArray[np.int64]], None]) -> list[int]:
    """Take articles out of their stories and of what is searched; return the stories that have no article left.

    Their records stay. Where the first of several identical texts goes, the next takes its place; ``repost`` enters the
    keys of those. Articles that a withdrawn one had admitted get the next best witness among their matches.
    """
    writer.unpost(numbers)
    stories = catalog.records(writer, numbers)["story"]
    emptied = []
    for story in np.unique(stories).tolist():
        going = numbers[stories == story]
        writer.leave(story, going)
        staying = writer.listed(story)
        if not len(staying):
            emptied.append(story)
            continue
        _settle(writer, going, staying, repost)
    return emptied


def _settle(
    writer: Writer, going: NDArray[np.int64], staying: NDArray[np.int64], repost: Callable[[NDArray[np.int64]], None]
) -> None:
    """Let those that stay lean on each other."""
    records = catalog.records(writer, staying)
    before = records.copy()
    heirs = _promote(writer, going, staying, records)
    lost = np.isin(records["witness"], going)
    records["witness"][lost] = NONE
    for place in np.flatnonzero(lost).tolist():
        records["relation"][place], records["score"][place] = NONE, 0.0
    _readmit(writer, staying, records, heirs, lost)
    for place in np.flatnonzero(records != before).tolist():
        catalog.write_record(writer, int(staying[place]), records[place])
    if heirs:
        repost(np.array(sorted(heirs.values()), np.int64))


def _promote(
    writer: Writer, going: NDArray[np.int64], staying: NDArray[np.int64], records: NDArray[Any]
) -> dict[int, int]:
    """Let the next of identical texts be the first; return who follows whom."""
    heirs: dict[int, int] = {}
    for place in np.flatnonzero(np.isin(records["twin"], going)).tolist():
        gone = int(records["twin"][place])
        if gone in heirs:
            records["twin"][place] = heirs[gone]
            continue
        heirs[gone] = int(staying[place])
        held = catalog.records(writer, np.array([gone]))[0]
        for name in ("witness", "relation", "score", "teller"):
            records[name][place] = held[name]
        records["twin"][place] = NONE
        catalog.write_links(writer, int(staying[place]), catalog.links_of(writer, np.array([gone]))[0])
    for gone, heir in heirs.items():
        records["witness"][records["witness"] == gone] = heir
    return heirs


def _readmit(
    writer: Writer, staying: NDArray[np.int64], records: NDArray[Any], heirs: dict[int, int], lost: NDArray[np.bool_]
) -> None:
    """Give those that ``lost`` their witness the best of their other matches."""
    if not lost.any():
        return
    rank_of = dict(zip(staying.tolist(), ranked(records)[1].tolist(), strict=True))
    edges = []
    for number, links in zip(staying.tolist(), catalog.links_of(writer, staying), strict=True):
        for link in links[links["relation"] != REWRITE]:
            other = heirs.get(int(link["other"]), int(link["other"]))
            if other in rank_of and other != number:
                edges.append((number, other, link))
    if not edges:
        return
    own = np.array([rank_of[number] for number, _, _ in edges])
    theirs = np.array([rank_of[other] for _, other, _ in edges])
    links = np.array([link for _, _, link in edges], catalog.LINK)
    longer, shorter = np.minimum(own, theirs), np.maximum(own, theirs)
    of_shorter = np.where(own > theirs, links["own"], links["others"])
    union = links["own"] + links["others"] - links["shared"]
    score = np.where(links["relation"] == 1, links["shared"] / np.maximum(1, union), links["shared"] / of_shorter)
    groups = grow(longer, shorter, links["relation"], score, len(staying))
    by_rank = {rank: place for place, rank in enumerate(ranked(records)[1].tolist())}
    for place in np.flatnonzero(lost).tolist():
        match = int(groups.witness[rank_of[int(staying[place])]])
        if match >= 0:
            records["witness"][place] = staying[by_rank[int(longer[match])]]
            records["relation"][place], records["score"][place] = links["relation"][match], score[match]
