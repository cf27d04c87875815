"""Buckets and postings → candidate pairs, in time linear in the entries.

Texts are numbered by rank: longest first. A *list* is what shares one key, in order of rank. Each of its members is
paired with the first ``cap`` members (the longest), and past these with the one before it (the next longer): all pairs
of a short list, a star around a few of a long one. Nothing is dropped, and nothing is quadratic.

A pair is one uint64, ``shorter << 36 | longer << 8 | evidence``: sorted, the pairs of a text stand together, and the
repeats of a pair. Evidence counts the keys that the two share and stops at 255.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_1
from dedup.kernels.jit import inline, kernel, u32, u64
from dedup.kernels.partners import lowest

RANKS = 1 << 28  # texts that a pair can name
STARTS = np.uint32(1 << 31)  # set in the first member of a list, which is no rank then
EVIDENCE = 255
_LOW = u64(0xFFFFFFFF)
_EVIDENCE = u64(EVIDENCE)


@inline
def _pair(longer: Any, shorter: Any, evidence: Any) -> Any:
    return (u64(shorter) << u64(36)) | (u64(longer) << u64(8)) | u64(evidence)


@inline
def shorter_of(pair: Any) -> Any:
    """Return the rank of a pair's shorter text."""
    return int(pair >> u64(36))


@inline
def _pairs_of(position: Any, cap: Any) -> Any:
    """Count the pairs that the member at ``position`` of a list makes with earlier ones."""
    return position if position <= cap else cap + 1


@kernel
def chain(keys: Any, slots: Any, first: Any, previous: Any, following: Any, position: Any, cap: Any) -> Any:
    """Chain the texts of each bucket of one band; return (pairs to come, lists longer than ``cap`` + 1).

    ``slots`` is a table of a power of two places, all -1. For text ``i``, ``first[i]`` becomes its bucket's first
    member, ``previous[i]`` and ``following[i]`` its neighbours there, ``position[i]`` the number of members before it.
    """
    last = np.empty(len(keys), np.int32)
    mask = len(slots) - 1
    pairs, capped = 0, 0
    for index in range(len(keys)):
        place = int((keys[index] * PRIME_1) >> u64(20)) & mask
        while slots[place] >= 0 and keys[slots[place]] != keys[index]:
            place = (place + 1) & mask
        head = slots[place]
        if head < 0:
            slots[place] = index
            head = index
            position[index] = 0
        else:
            previous[index] = last[head]
            following[last[head]] = index
            position[index] = position[last[head]] + 1
            pairs += _pairs_of(position[index], cap)
            capped += position[index] == cap + 1
        first[index] = head
        last[head] = index
    return pairs, capped


@kernel
def chained_pairs(first: Any, previous: Any, following: Any, position: Any, cap: Any, evidence: Any, out: Any) -> None:
    """Write the pairs of the chains that :func:`chain` made."""
    written = 0
    for index in range(len(previous)):
        member = first[index]
        for _ in range(min(position[index], cap)):
            out[written] = _pair(member, index, evidence)
            written += 1
            member = following[member]
        if position[index] > cap:
            out[written] = _pair(previous[index], index, evidence)
            written += 1


@kernel
def count_keys(keys: Any, places: Any, ranks: Any, counts: Any) -> None:
    """Add to ``counts`` (a power of two of them) the keys of the texts that have a rank, by their highest bits."""
    shift = u64(32)
    while (len(counts) << shift) > (1 << 32):
        shift -= u64(1)
    for text in range(len(ranks)):
        if ranks[text] >= 0:
            for place in range(places[text], places[text + 1]):
                counts[u64(keys[place]) >> shift] += 1


@kernel
def spread(keys: Any, places: Any, ranks: Any, part_of: Any, bounds: Any, out: Any) -> None:
    """Write ``key << 32 | rank`` for the texts that have a rank, part by part.

    ``part_of`` (a power of two of them) says by its highest bits in which part a key is; the entries of part ``p``
    become ``out[bounds[p]:bounds[p + 1]]``, and ``bounds`` is all zeros before.
    """
    shift = u64(32)
    while (len(part_of) << shift) > (1 << 32):
        shift -= u64(1)
    for text in range(len(ranks)):
        if ranks[text] >= 0:
            for place in range(places[text], places[text + 1]):
                bounds[part_of[u64(keys[place]) >> shift] + 1] += 1
    for part in range(len(bounds) - 1):
        bounds[part + 1] += bounds[part]
    filled = bounds[:-1].copy()
    for text in range(len(ranks)):
        if ranks[text] >= 0:
            rank = u64(ranks[text])
            for place in range(places[text], places[text + 1]):
                key = u64(keys[place])
                part = part_of[key >> shift]
                out[filled[part]] = (key << u64(32)) | rank
                filled[part] += 1


@kernel
def drop_repeats(ordered: Any) -> Any:
    """Move the distinct values of an ascending array to its front; return how many."""
    kept = 0
    for index in range(len(ordered)):
        if index == 0 or ordered[index] != ordered[kept - 1]:
            ordered[kept] = ordered[index]
            kept += 1
    return kept


@kernel
def count_ranks(entries: Any, counts: Any) -> None:
    """Add to ``counts[rank]`` the number of entries of each text."""
    for index in range(len(entries)):
        counts[int(entries[index] & _LOW)] += 1


@kernel
def lists(entries: Any, members: Any) -> Any:
    """Write the members of every list of two and more in ascending ``entries``, the first of each with ``STARTS`` set.

    Returns how many there are; ``members`` has room for all entries.
    """
    written, start = 0, 0
    for index in range(1, len(entries) + 1):
        if index < len(entries) and entries[index] >> u64(32) == entries[start] >> u64(32):
            continue
        if index - start > 1:
            for place in range(start, index):
                members[written + place - start] = u32(entries[place] & _LOW)
            members[written] |= STARTS
            written += index - start
        start = index
    return written


@kernel
def count_mentions(members: Any, cap: Any, counts: Any) -> Any:
    """Add to ``counts[rank]`` the lists in which each text has longer ones; return how many are over ``cap`` + 1."""
    capped, head = 0, 0
    for place in range(len(members)):
        if members[place] & STARTS:
            head = place
        else:
            counts[members[place]] += 1
            capped += place - head == cap + 1
    return capped


@kernel
def mentions(members: Any, first: Any, places: Any, out: Any) -> None:
    """List for the texts from rank ``first`` on where they stand, as shorter ones: ``out[places[i]:places[i + 1]]``.

    A mention is one uint64, the start of the list and the text's own place there.
    """
    filled = places[:-1].copy()
    head, texts = 0, len(filled)
    for place in range(len(members)):
        if members[place] & STARTS:
            head = place
            continue
        text = int(members[place]) - first
        if 0 <= text < texts:
            out[filled[text]] = (u64(head) << u64(32)) | u64(place)
            filled[text] += 1


@kernel
def shared_keys(
    members: Any,
    mentioned: Any,
    places: Any,
    cap: Any,
    known: Any,
    least: Any,
    first: Any,
    start: Any,
    at: Any,
    seen: Any,
    out: Any,
) -> Any:
    """Write, ascending, the pairs of each text from ``start`` on with their evidence: shared keys and ``known`` pairs.

    Text ``i`` is of the rank ``first + i``, and ``places`` bounds its mentions. Pairs with less evidence than
    ``least[shorter]`` (uint8, 1 or more) are left out. ``known`` are ascending pairs, of which those from ``at`` on are
    of these texts. ``seen`` (uint8, zeros) has a place a rank. Returns (pairs, the text to go on with, its ``at``); a
    text's pairs are only written where there is room for all that it could have.
    """
    written = 0
    touched = np.empty(len(seen), np.int32)
    for text in range(start, len(places) - 1):
        begin, end, shorter = places[text], places[text + 1], first + text
        following = at
        while following < len(known) and shorter_of(known[following]) == shorter:
            following += 1
        if following == at and end - begin < least[shorter]:
            continue
        met = 0
        for pair in range(at, following):
            longer = int((known[pair] >> u64(8)) & u64(RANKS - 1))
            if seen[longer] == 0:
                touched[met] = longer
                met += 1
            seen[longer] = min(EVIDENCE, int(seen[longer]) + int(known[pair] & _EVIDENCE))
        for mention in range(begin, end):
            head, own = int(mentioned[mention] >> u64(32)), int(mentioned[mention] & _LOW)
            for step in range(min(own - head, cap) + (own - head > cap)):
                longer = int(members[head + step if step < cap else own - 1] & u32(RANKS - 1))
                if seen[longer] == 0:
                    touched[met] = longer
                    met += 1
                seen[longer] = min(EVIDENCE, int(seen[longer]) + 1)
        if written + met > len(out):
            for index in range(met):
                seen[touched[index]] = 0
            return written, text, at
        begun = written
        for index in range(met):
            longer = touched[index]
            if seen[longer] >= least[shorter]:
                out[written] = _pair(longer, shorter, seen[longer])
                written += 1
            seen[longer] = 0
        out[begun:written].sort()
        at = following
    return written, len(places) - 1, at


@kernel
def gather(pairs: Any) -> Any:
    """Move the distinct pairs of an ascending array to its front, their evidence added up; return how many."""
    kept = 0
    for index in range(len(pairs)):
        if index > 0 and pairs[index] >> u64(8) == pairs[kept - 1] >> u64(8):
            room = _EVIDENCE - (pairs[kept - 1] & _EVIDENCE)
            pairs[kept - 1] += min(room, pairs[index] & _EVIDENCE)
        else:
            pairs[kept] = pairs[index]
            kept += 1
    return kept


@kernel
def likely(pairs: Any, needed: Any, most: Any) -> Any:
    """Move the likely pairs of an ascending array to its front; return (how many, texts with more than ``most``).

    A pair needs the evidence ``needed[shorter]`` (uint8). Of a shorter text's pairs the ``most`` with the highest
    evidence stay, among equals those with the longest texts.
    """
    kept, capped, start = 0, 0, 0
    seen = np.zeros(EVIDENCE + 1, np.int64)  # pairs of one text by evidence
    while start < len(pairs):
        shorter = shorter_of(pairs[start])
        end, enough = start, 0
        seen[:] = 0
        while end < len(pairs) and shorter_of(pairs[end]) == shorter:
            evidence = int(pairs[end] & _EVIDENCE)
            if evidence >= needed[shorter]:
                seen[evidence] += 1
                enough += 1
            end += 1
        least, room = lowest(seen, enough, int(needed[shorter]), most)
        capped += enough > most
        for index in range(start, end):
            evidence = int(pairs[index] & _EVIDENCE)
            if evidence > least or (evidence == least and room > 0):
                room -= evidence == least
                pairs[kept] = pairs[index]
                kept += 1
        start = end
    return kept, capped


@kernel
def components(left: Any, right: Any, parents: Any) -> None:
    """Join ``left[i]`` and ``right[i]`` in the forest ``parents`` (each at first its own); flatten it to minima."""
    for index in range(len(left)):
        one, two = _root(parents, left[index]), _root(parents, right[index])
        parents[max(one, two)] = min(one, two)
    for index in range(len(parents)):
        parents[index] = _root(parents, index)


@inline
def _root(parents: Any, member: Any) -> Any:
    while parents[member] != member:
        parents[member] = parents[parents[member]]
        member = parents[member]
    return member


@kernel
def block_starts(left: Any, right: Any, sizes: Any, room: Any) -> Any:
    """Cut pairs, in this order, into blocks whose distinct texts have ``room`` bytes at most (or one pair's)."""
    seen = np.full(len(sizes), -1, np.int64)
    starts = np.zeros(len(left), np.int64)
    count, size = 1, 0
    for pair in range(len(left)):
        for _ in range(2):
            more = sizes[left[pair]] if seen[left[pair]] < count else 0
            more += sizes[right[pair]] if seen[right[pair]] < count else 0
            if size == 0 or size + more <= room:
                break
            starts[count] = pair
            count += 1
            size = 0
        size += more
        seen[left[pair]] = count
        seen[right[pair]] = count
    return starts[:count]
