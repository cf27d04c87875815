"""What recurs within an outlet: hashes of sentences and runs, counted over articles that are otherwise unrelated."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_1, PRIME_3, avalanche, rotate
from dedup.kernels.jit import inline, kernel, trailing_zeros, u32, u64

RUN = 8  # tokens
SAMPLED = 4  # one run in so many is looked at, by its hash
BRIDGE = 8  # tokens between two units that recur: what lies there recurs in runs that were not sampled
LEAST = 4  # tokens of a sentence that counts; shorter ones do where they are a paragraph
EDGE, IS_RUN = 1, 2  # flags of an entry, below its length
LONG = 8  # tokens from which a sentence is long
_LONGEST = (1 << 14) - 1  # tokens of a sentence that counts
_FAR = (1 << 16) - 1  # tokens from which a place in a text is not told apart
_FEW = 16  # entries that are sorted one by one
_POWER = u64(pow(int(PRIME_1), RUN, 1 << 64))
_RUN_SALT = PRIME_3


@inline
def _sentence_hash(hashes: Any, first: Any, last: Any) -> Any:
    state = u64(last - first)
    for token in range(first, last):
        state = rotate(state ^ hashes[token], 29) * PRIME_1
    return avalanche(state)


@inline
def _key(unit: Any, outlet: Any) -> Any:
    return avalanche(unit ^ (outlet * PRIME_3))


@inline
def _counts(first: Any, last: Any, alone: Any) -> Any:
    return (last - first >= LEAST or alone) and last - first <= _LONGEST


@inline
def _roll(hashes: Any, token: Any, start: Any, state: Any) -> Any:
    """Add a token to the hash of the last RUN tokens of a text that starts at ``start``."""
    state = state * PRIME_1 + hashes[token]
    if token - start >= RUN:
        state -= _POWER * hashes[token - RUN]
    return state


@kernel
def entries(
    hashes: Any,
    places: Any,
    outlets: Any,
    first: Any,
    last: Any,
    alone: Any,
    edge: Any,
    sentences_of: Any,
    columns: Any,
) -> Any:
    """Write an entry for every sentence and every sampled run of the texts that have an outlet; return how many.

    ``columns`` are (key, text, start, info): the unit within its outlet, the text, its first token in the text, and
    its length times four plus EDGE and IS_RUN.
    """
    keys, texts, starts, infos = columns
    count = 0
    for text in range(len(places) - 1):
        if outlets[text] == u64(0):
            continue
        base, stop = places[text], places[text + 1]
        for sentence in range(sentences_of[text], sentences_of[text + 1]):
            if _counts(first[sentence], last[sentence], alone[sentence]):
                keys[count] = _key(_sentence_hash(hashes, first[sentence], last[sentence]), outlets[text])
                texts[count] = text
                starts[count] = first[sentence] - base
                infos[count] = 4 * (last[sentence] - first[sentence]) + (EDGE if edge[sentence] else 0)
                count += 1
        state = u64(0)
        for token in range(base, stop):
            state = _roll(hashes, token, base, state)
            if token - base >= RUN - 1:
                mixed = avalanche(state)
                if mixed & u64(SAMPLED - 1) == u64(0):
                    keys[count] = _key(mixed ^ _RUN_SALT, outlets[text])
                    texts[count] = text
                    starts[count] = token - base - RUN + 1
                    infos[count] = 4 * RUN + IS_RUN
                    count += 1
    return count


@inline
def _slot(words: Any, word: Any) -> Any:
    mask = len(words) - 1
    slot = int(word >> u64(24)) & mask
    while words[slot] != u64(0) and words[slot] != word:
        slot = (slot + 1) & mask
    return slot


@kernel
def tabulate(terms: Any, values: Any, words: Any, found: Any) -> None:
    """Put values by term (never 0) into an empty table of slots."""
    for index in range(len(terms)):
        slot = _slot(words, terms[index])
        words[slot] = terms[index]
        found[slot] = values[index]


@kernel
def shape(terms: Any, places: Any, first: Any, alone: Any, edge: Any, sentences_of: Any, forms: Any) -> None:
    """Write of every text a hash of what its fingerprint leaves out: its terms, its sentences and where they stand."""
    for text in range(len(places) - 1):
        state = u64(0)
        for token in range(places[text], places[text + 1]):
            state = rotate(state ^ terms[token], 31) * PRIME_1
        for sentence in range(sentences_of[text], sentences_of[text + 1]):
            flags = (2 if alone[sentence] else 0) + (1 if edge[sentence] else 0)
            state = rotate(state ^ u64(4 * (first[sentence] - places[text]) + flags), 29) * PRIME_1
        forms[text] = u32(avalanche(state) >> u64(32))


@kernel
def describe(
    hashes: Any,
    terms: Any,
    places: Any,
    words: Any,
    rarities: Any,
    unknown: Any,
    least: Any,
    prints: Any,
    rare: Any,
    where: Any,
) -> None:
    """Write of every text its fingerprint and its most salient rare terms, ascending, with their first and last place.

    A term is rare from ``least`` on; of these the ones of the highest (1 + log frequency) x rarity are taken, as many
    as ``rare`` has columns, 0 behind the last. ``words`` and ``rarities`` are a table of rarity by term; ``unknown``
    is that of others.
    """
    most = rare.shape[1]
    longest = 1
    for text in range(len(places) - 1):
        longest = max(longest, places[text + 1] - places[text])
    size = 16
    while size < 2 * longest:
        size *= 2
    seen = np.zeros(size, np.uint64)
    times = np.zeros(size, np.int32)
    first = np.zeros(size, np.int32)
    last = np.zeros(size, np.int32)
    value = np.zeros(size, np.float32)
    used = np.empty(longest, np.int64)
    best = np.empty(most, np.int64)
    score = np.empty(most, np.float64)
    for text in range(len(places) - 1):
        base, many = places[text], 0
        state = u64(places[text + 1] - base)
        for token in range(base, places[text + 1]):
            state = rotate(state ^ hashes[token], 31) * PRIME_1
            term = terms[token]
            if term == u64(0):
                continue
            slot = _slot(seen, term)
            if seen[slot] == u64(0):
                known = _slot(words, term)
                seen[slot] = term
                value[slot] = rarities[known] if words[known] != u64(0) else unknown
                times[slot] = 0
                first[slot] = token - base
                used[many] = slot
                many += 1
            times[slot] += 1
            last[slot] = token - base
        prints[text] = avalanche(state)
        kept = 0
        for index in range(many):
            slot = used[index]
            if value[slot] < least:
                continue
            salience = (1 + np.log(times[slot])) * value[slot]
            place = kept
            if kept == most:
                if salience < score[most - 1] or (salience == score[most - 1] and seen[slot] > seen[best[most - 1]]):
                    continue
                place = most - 1
            else:
                kept += 1
            while place > 0 and (
                score[place - 1] < salience or (score[place - 1] == salience and seen[best[place - 1]] > seen[slot])
            ):
                score[place] = score[place - 1]
                best[place] = best[place - 1]
                place -= 1
            score[place] = salience
            best[place] = slot
        rare[text, :] = u32(0)
        where[text, :, :] = _FAR
        short = np.empty(kept, np.uint32)
        for index in range(kept):
            short[index] = u32(seen[best[index]] >> u64(32))
        order = np.argsort(short)
        for index in range(kept):
            slot = best[order[index]]
            rare[text, index] = short[order[index]]
            where[text, index, 0] = min(first[slot], _FAR)
            where[text, index, 1] = min(last[slot], _FAR)
        for index in range(many):
            seen[used[index]] = u64(0)


@inline
def _copy(columns: Any, entry: Any, out: Any, place: Any) -> None:
    out[0][place] = columns[0][entry]
    out[1][place] = columns[1][entry]
    out[2][place] = columns[2][entry]
    out[3][place] = columns[3][entry]


@kernel
def deal(columns: Any, shift: Any, cuts: Any, dealt: Any) -> None:
    """Copy entries, those whose keys begin alike together, and write to ``cuts`` where each beginning starts."""
    keys = columns[0]
    cuts[:] = 0
    for entry in range(len(keys)):
        cuts[int(keys[entry] >> u64(shift)) + 1] += 1
    for part in range(1, len(cuts)):
        cuts[part] += cuts[part - 1]
    place = cuts[:-1].copy()
    for entry in range(len(keys)):
        part = int(keys[entry] >> u64(shift))
        _copy(columns, entry, dealt, place[part])
        place[part] += 1


# What recurs -------------------------------------------------------------------------------------------------------


@inline
def _cover(covered: Any, start: Any, stop: Any) -> None:
    """Set the bits ``start`` to ``stop``."""
    place = start
    while place < stop:
        many = min(64 - (place & 63), stop - place)
        bits = ~u64(0) if many == 64 else (u64(1) << u64(many)) - u64(1)
        covered[place >> 6] |= bits << u64(place & 63)
        place += many


@inline
def _by_print(found: Any, articles: Any, prints: Any) -> None:
    """Sort entries by the fingerprints of their articles, in place."""
    if len(found) > _FEW:
        found[:] = found[np.argsort(np.array([prints[articles[entry]] for entry in found]))]
        return
    for index in range(1, len(found)):
        entry = found[index]
        own, place = prints[articles[entry]], index
        while place > 0 and prints[articles[found[place - 1]]] > own:
            found[place] = found[place - 1]
            place -= 1
        found[place] = entry


@inline
def _stands_before(articles: Any, starts: Any, forms: Any, rows: Any, one: Any, two: Any) -> Any:
    """Say which of two entries of equal texts speaks for both, whatever the order in which they came."""
    left, right = articles[one], articles[two]
    if forms[left] != forms[right]:
        return forms[left] < forms[right]
    if rows[left] != rows[right]:
        return rows[left] < rows[right]
    return starts[one] < starts[two]


@kernel
def recurring(
    columns: Any, order: Any, about: Any, places: Any, sizes: Any, chances: Any, least: Any, covered: Any, out: Any
) -> Any:
    """Find the units that stand in two and more different texts; return how many entries were written.

    ``columns`` are entries, which ``order`` sorts by key; ``about`` (fingerprint, form, row, outlet) of the articles,
    whose tokens begin at ``places``. The tokens of all these units are set in the bits of ``covered``. Of those that
    stand in enough texts to be furniture, ``least`` and one more for each ``chances`` of the ``sizes`` of the outlet,
    one entry a text is written to ``out``, by fingerprint.
    """
    keys, articles, starts, infos = columns
    prints, forms, rows, outlets = about
    written = 0
    start = 0
    while start < len(order):
        end = start + 1
        differ = False
        while end < len(order) and keys[order[end]] == keys[order[start]]:
            differ |= prints[articles[order[end]]] != prints[articles[order[start]]]
            end += 1
        if differ:
            found = order[start:end]
            for entry in found:
                begin = places[articles[entry]] + starts[entry]
                _cover(covered, begin, begin + (infos[entry] >> 2))
            need = least + _floor(infos[found[0]], sizes[outlets[articles[found[0]]]], chances)
            if len(found) >= need:
                _by_print(found, articles, prints)
                before, best = written, found[0]
                for index in range(1, len(found) + 1):
                    last = index == len(found)
                    if last or prints[articles[found[index]]] != prints[articles[best]]:
                        _copy(columns, best, out, written)
                        written += 1
                        if not last:
                            best = found[index]
                    elif _stands_before(articles, starts, forms, rows, found[index], best):
                        best = found[index]
                if written - before < need:
                    written = before
        start = end
    return written


@inline
def _floor(info: Any, size: Any, chances: Any) -> Any:
    """Return how many articles more than usual must hold a unit, in an outlet of so many."""
    long = (info >> 2) >= LONG and info & IS_RUN == 0
    return size // (chances[1] if long else chances[0])


# What articles are about ---------------------------------------------------------------------------------------------


@kernel
def speakers(order: Any, prints: Any, bounds: Any, most: Any, least: Any, speaking: Any, speakers_of: Any) -> None:
    """Write the articles that speak for their outlet, and where those of each outlet start: its first different ones.

    ``order`` are the articles by outlet, which starts at ``bounds``, and fingerprint. There are up to ``most``; none
    where there are less than ``least``.
    """
    written = 0
    for outlet in range(len(bounds) - 1):
        first = written
        for place in range(bounds[outlet], bounds[outlet + 1]):
            if written - first == most:
                break
            if place == bounds[outlet] or prints[order[place]] != prints[order[place - 1]]:
                speaking[written] = order[place]
                written += 1
        if written - first < least:
            written = first
        speakers_of[outlet + 1] = written


@kernel
def usual(rare: Any, speakers_of: Any, share: Any, terms: Any, terms_of: Any) -> None:
    """Write the rare terms that are usual in an outlet, ascending: those in more than ``share`` of its speakers.

    ``rare`` are those of the speakers; ``terms_of`` becomes where each outlet's start in ``terms``.
    """
    written = 0
    for outlet in range(len(speakers_of) - 1):
        low, high = speakers_of[outlet], speakers_of[outlet + 1]
        ordered = np.sort(rare[low:high].copy().ravel())
        start = int(np.searchsorted(ordered, u32(1)))  # 0 is no term
        for index in range(start + 1, len(ordered) + 1):
            if index == len(ordered) or ordered[index] != ordered[start]:
                if index - start > share * (high - low):
                    terms[written] = ordered[start]
                    written += 1
                start = index
        terms_of[outlet + 1] = written


@inline
def _spans(covered: Any, low: Any, high: Any, span: Any) -> Any:
    """Write the stretches of set bits from ``low`` to ``high``, over gaps of BRIDGE; return (stretches, their bits)."""
    spans, inside, place = 0, 0, low
    while place < high:
        rest = covered[place >> 6] >> u64(place & 63)
        if rest == u64(0):
            place += 64 - (place & 63)
            continue
        start = place + trailing_zeros(rest)
        if start >= high:
            break
        stop = start
        while stop < high:
            many = min(trailing_zeros(~(covered[stop >> 6] >> u64(stop & 63))), 64 - (stop & 63))
            stop = min(high, stop + many)
            if stop & 63 != 0 or many == 0:
                break
        if spans > 0 and start - low - span[spans - 1, 1] <= BRIDGE:
            inside += stop - low - span[spans - 1, 1]
        else:
            span[spans, 0] = start - low
            inside += stop - start
            spans += 1
        span[spans - 1, 1] = stop - low
        place = stop
    return spans, inside


@kernel
def own_words(
    first: Any,
    rare: Any,
    where: Any,
    outlets: Any,
    places: Any,
    covered: Any,
    common: Any,
    common_of: Any,
    least: Any,
    own: Any,
    terms: Any,
    terms_of: Any,
) -> None:
    """Say of the articles from ``first`` on, as many as ``rare`` has rows, what is left of them without what recurs.

    ``own`` becomes whether at least ``least[0]`` of its tokens is left: less is a copy within the outlet. Of these the
    rare terms are written to ``terms`` that are not usual in the outlet and stand outside of what recurs (all terms,
    where less than ``least[1]`` of the article is left). An article in which nothing recurs gets none: nobody asks.
    """
    longest = 1
    for article in range(first, first + len(rare)):
        longest = max(longest, places[article + 1] - places[article])
    span = np.empty((longest // 2 + 2, 2), np.int64)
    written = terms_of[first]
    for index in range(len(rare)):
        article = first + index
        low, high = places[article], places[article + 1]
        spans, inside = _spans(covered, low, high, span)
        left = 1 - inside / max(1, high - low)
        own[article] = left >= least[0]
        if spans > 0 and own[article]:
            begin, end = common_of[outlets[article]], common_of[outlets[article] + 1]
            for number in range(rare.shape[1]):
                term = rare[index, number]
                if term == u32(0):
                    break
                counts = left < least[1]
                if not counts:
                    found = begin + np.searchsorted(common[begin:end], term)
                    if found < end and common[found] == term:
                        continue
                    for side in range(2):
                        place = int(where[index, number, side])
                        outside = True
                        for stretch in range(spans):
                            outside &= not span[stretch, 0] <= place < span[stretch, 1]
                        counts |= outside
                if counts:
                    terms[written] = term
                    written += 1
        terms_of[article + 1] = written


@inline
def _related(terms: Any, terms_of: Any, one: Any, two: Any, share: Any) -> Any:
    """Say whether two articles share this part of the rare terms of the one that has fewer."""
    i, ends_one = terms_of[one], terms_of[one + 1]
    j, ends_two = terms_of[two], terms_of[two + 1]
    fewer, both = min(ends_one - i, ends_two - j), 0
    while i < ends_one and j < ends_two:
        if terms[i] < terms[j]:
            i += 1
        elif terms[i] > terms[j]:
            j += 1
        else:
            both += 1
            i += 1
            j += 1
    return both >= share * fewer


@inline
def _unrelated(
    articles: Any,
    infos: Any,
    start: Any,
    end: Any,
    flag: Any,
    own: Any,
    terms: Any,
    terms_of: Any,
    kept: Any,
    need: Any,
    looked: Any,
    share: Any,
) -> Any:
    """Say whether ``need`` articles of a unit are pairwise unrelated, 1 or 0; -1 where too many were left unseen."""
    many, seen = 0, 0
    for entry in range(start, end):
        article = articles[entry]
        if not own[article] or (infos[entry] & flag) != flag:
            continue
        if seen == looked:
            return -1
        seen += 1
        fresh = True
        for other in range(many):
            fresh &= not _related(terms, terms_of, article, kept[other], share)
        if fresh:
            kept[many] = article
            many += 1
            if many == need:
                return 1
    return 0


@kernel
def judge(
    keys: Any,
    articles: Any,
    infos: Any,
    outlets: Any,
    sizes: Any,
    chances: Any,
    own: Any,
    terms: Any,
    terms_of: Any,
    needs: Any,
    looked: Any,
    share: Any,
    first_of: Any,
    count_of: Any,
) -> Any:
    """Write the units that recur in unrelated articles, of entries as ``recurring`` writes them; count the capped.

    ``needs`` are how many pairwise unrelated articles make a unit furniture: anywhere, and at the edge; in all, one
    more for each ``chances`` of the ``sizes`` of the outlet must hold it. At most ``looked`` articles of a unit are
    compared. A unit is written as its first entry and the number of its different articles. Returns (units, units
    that might have been found had more articles been compared).
    """
    units, capped = 0, 0
    kept = np.empty(looked, np.int64)
    start = 0
    while start < len(keys):
        end = start + 1
        while end < len(keys) and keys[end] == keys[start]:
            end += 1
        different = end - start
        floor = _floor(infos[start], sizes[outlets[articles[start]]], chances)
        anywhere, edge = 0, 0
        if different >= needs[0] + floor:
            anywhere = _unrelated(articles, infos, start, end, 0, own, terms, terms_of, kept, needs[0], looked, share)
        if anywhere != 1 and different >= needs[1] + floor:
            edge = _unrelated(articles, infos, start, end, EDGE, own, terms, terms_of, kept, needs[1], looked, share)
        if anywhere == 1 or edge == 1:
            first_of[units] = start
            count_of[units] = different
            units += 1
        elif anywhere < 0 or edge < 0:
            capped += 1
        start = end
    return units, capped


# Marking -------------------------------------------------------------------------------------------------------------


@inline
def _holds(words: Any, key: Any) -> Any:
    return words[_slot(words, key)] != u64(0)


@kernel
def mark(
    hashes: Any,
    places: Any,
    outlets: Any,
    first: Any,
    last: Any,
    alone: Any,
    sentences_of: Any,
    words: Any,
    most: Any,
    marks: Any,
) -> None:
    """Mark the tokens of every text that are known to recur in its outlet; ``words`` is a table of the units' keys.

    Between two runs at most SAMPLED tokens apart everything is marked: the runs between them were not sampled. A
    sentence of which more than ``most`` is marked is marked whole.
    """
    for text in range(len(places) - 1):
        if outlets[text] == u64(0):
            continue
        base = places[text]
        state = u64(0)
        reach = base - RUN
        for token in range(base, places[text + 1]):
            state = _roll(hashes, token, base, state)
            if token - base < RUN - 1:
                continue
            mixed = avalanche(state)
            if mixed & u64(SAMPLED - 1) == u64(0) and _holds(words, _key(mixed ^ _RUN_SALT, outlets[text])):
                begin = token - RUN + 1
                marks[(reach if reach > base and begin - reach <= BRIDGE else begin) : token + 1] = True
                reach = token + 1
        for sentence in range(sentences_of[text], sentences_of[text + 1]):
            one, two = first[sentence], last[sentence]
            known = _counts(one, two, alone[sentence]) and _holds(
                words, _key(_sentence_hash(hashes, one, two), outlets[text])
            )
            if known or marks[one:two].sum() > most * (two - one):
                marks[one:two] = True
