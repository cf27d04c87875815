"""What recurs within an outlet: hashes of sentences and runs, counted over articles that are otherwise unrelated."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_1, PRIME_3, avalanche, rotate
from dedup.kernels.jit import inline, kernel, u32, u64

RUN = 8  # tokens
SAMPLED = 4  # one run in so many is looked at, by its hash
BRIDGE = 8  # tokens between two units that recur: what lies there recurs in runs that were not sampled
LEAST = 4  # tokens of a sentence that counts; shorter ones do where they are a paragraph
EDGE, IS_RUN = 1, 2  # flags of an entry, below its length
_LONGEST = (1 << 14) - 1  # tokens of a sentence that counts
_FAR = (1 << 16) - 1  # tokens from which a place in a text is not told apart
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


@kernel
def recurring(keys: Any, articles: Any, order: Any, prints: Any, keep: Any) -> None:
    """Mark the entries of units that stand in two and more different texts; ``order`` sorts by key."""
    start = 0
    while start < len(order):
        end = start + 1
        differ = False
        while end < len(order) and keys[order[end]] == keys[order[start]]:
            differ |= prints[articles[order[end]]] != prints[articles[order[start]]]
            end += 1
        if differ:
            for index in range(start, end):
                keep[order[index]] = True
        start = end


@kernel
def usual(rare: Any, prints: Any, order: Any, bounds: Any, most: Any, least: Any, share: Any, masks: Any) -> None:
    """Write of every article which of its rare terms are usual in its outlet: in more than ``share`` of its articles.

    ``order`` are the articles by outlet, which starts at ``bounds``, and fingerprint; the first ``most`` different
    ones speak for an outlet, and where there are less than ``least`` nothing is usual.
    """
    terms = np.empty(most * rare.shape[1], np.uint32)
    for outlet in range(len(bounds) - 1):
        articles, count = 0, 0
        for place in range(bounds[outlet], bounds[outlet + 1]):
            article = order[place]
            if articles == most:
                break
            if place > bounds[outlet] and prints[article] == prints[order[place - 1]]:
                continue
            articles += 1
            for index in range(rare.shape[1]):
                if rare[article, index] == u32(0):
                    break
                terms[count] = rare[article, index]
                count += 1
        if articles < least:
            continue
        ordered = np.sort(terms[:count])
        common, start = 0, 0
        for index in range(1, count + 1):
            if index == count or ordered[index] != ordered[start]:
                if index - start > share * articles:
                    ordered[common] = ordered[start]
                    common += 1
                start = index
        if common == 0:
            continue
        for place in range(bounds[outlet], bounds[outlet + 1]):
            article = order[place]
            mask = u64(0)
            for index in range(rare.shape[1]):
                if rare[article, index] == u32(0):
                    break
                found = np.searchsorted(ordered[:common], rare[article, index])
                if found < common and ordered[found] == rare[article, index]:
                    mask |= u64(1) << u64(index)
            masks[article] = mask


@kernel
def own_words(
    articles: Any, starts: Any, infos: Any, tokens: Any, rare: Any, where: Any, least: Any, masks: Any, own: Any
) -> None:
    """Say of every article what is left of it without its recurring units, given by article and start.

    ``masks``, what is usual in the outlet, become the rare terms that are not and stand outside of them (all terms,
    where less than ``least[1]`` of the article is left); ``own`` whether at least
    ``least[0]`` of its tokens is left: less is a copy within the outlet.
    """
    span = np.empty((len(articles), 2), np.int64)
    begin = 0
    while begin < len(articles):
        article = articles[begin]
        end, covered, reach, spans = begin, 0, 0, 0
        while end < len(articles) and articles[end] == article:
            start, stop = starts[end], starts[end] + (infos[end] >> 2)
            if spans == 0 or start - reach > BRIDGE:
                spans += 1
                span[spans - 1, 0] = start
                covered += stop - start
                reach = stop
            elif stop > reach:
                covered += stop - reach
                reach = stop
            span[spans - 1, 1] = reach
            end += 1
        left = 1 - covered / tokens[article]
        own[article] = left >= least[0]
        mask = u64(0)
        for index in range(rare.shape[1]):
            if rare[article, index] == u32(0):
                break
            outside = left < least[1]
            for side in range(2):
                place = int(where[article, index, side])
                inside = False
                for number in range(spans):
                    if span[number, 0] <= place < span[number, 1]:
                        inside = True
                outside |= not inside
            if outside:
                mask |= u64(1) << u64(index)
        masks[article] = mask if left < least[1] else mask & ~masks[article]
        begin = end


@inline
def _related(rare: Any, masks: Any, one: Any, two: Any, share: Any) -> Any:
    """Say whether two articles share this part of the rare terms of the one that has fewer."""
    i, j, both, left, right = 0, 0, 0, 0, 0
    most = rare.shape[1]
    while i < most and rare[one, i] != u32(0):
        left += int((masks[one] >> u64(i)) & u64(1))
        i += 1
    while j < most and rare[two, j] != u32(0):
        right += int((masks[two] >> u64(j)) & u64(1))
        j += 1
    ends_one, ends_two = i, j
    i = j = 0
    while i < ends_one and j < ends_two:
        if rare[one, i] < rare[two, j]:
            i += 1
        elif rare[one, i] > rare[two, j]:
            j += 1
        else:
            both += int((masks[one] >> u64(i)) & (masks[two] >> u64(j)) & u64(1))
            i += 1
            j += 1
    return both >= share * min(left, right)


@inline
def _unrelated(
    articles: Any,
    infos: Any,
    start: Any,
    end: Any,
    flag: Any,
    prints: Any,
    rare: Any,
    masks: Any,
    own: Any,
    kept: Any,
    need: Any,
    looked: Any,
    share: Any,
) -> Any:
    """Say whether ``need`` articles of a unit are pairwise unrelated, 1 or 0; -1 where too many were left unseen."""
    many, seen = 0, 0
    for entry in range(start, end):
        article = articles[entry]
        repeated = entry > start and prints[article] == prints[articles[entry - 1]]
        if repeated or not own[article] or (infos[entry] & flag) != flag:
            continue
        if seen == looked:
            return -1
        seen += 1
        fresh = True
        for other in range(many):
            fresh &= not _related(rare, masks, article, kept[other], share)
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
    prints: Any,
    rare: Any,
    masks: Any,
    own: Any,
    floors: Any,
    needs: Any,
    looked: Any,
    share: Any,
    first_of: Any,
    count_of: Any,
) -> Any:
    """Write the units (of entries sorted by key and fingerprint) that recur in unrelated articles; count the capped.

    ``needs`` are how many pairwise unrelated articles make a unit furniture: anywhere, and at the edge; an entry's
    floor is how many articles more must hold it. At most ``looked`` articles of a unit are compared. A unit is
    written as its first entry and the number of its distinct articles. Returns (units, units that might have been
    found had more articles been compared).
    """
    units, capped = 0, 0
    kept = np.empty(looked, np.int64)
    start = 0
    while start < len(keys):
        end, different = start + 1, 1
        while end < len(keys) and keys[end] == keys[start]:
            different += prints[articles[end]] != prints[articles[end - 1]]
            end += 1
        anywhere, edge = 0, 0
        if different >= needs[0] + floors[start]:
            anywhere = _unrelated(
                articles, infos, start, end, 0, prints, rare, masks, own, kept, needs[0], looked, share
            )
        if anywhere != 1 and different >= needs[1] + floors[start]:
            edge = _unrelated(
                articles, infos, start, end, EDGE, prints, rare, masks, own, kept, needs[1], looked, share
            )
        if anywhere == 1 or edge == 1:
            first_of[units] = start
            count_of[units] = different
            units += 1
        elif anywhere < 0 or edge < 0:
            capped += 1
        start = end
    return units, capped


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
