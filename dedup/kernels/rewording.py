"""Counterparts: for each sentence of a story, the sentence of another member that says the same in other words."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_5, absorb, avalanche
from dedup.kernels.jit import inline, kernel, u8, u64
from dedup.kernels.reading import NAME, NUMBER
from dedup.kernels.runs import UNDATED

_LAST = (1 << 63) - 1
_INITIALS = 6  # of a run of capitalised words, the most that an acronym has
_LONG, _SHORT = 5, 4  # first letters by which names are akin: Kazakh, Kazakhstan
_HEAD = u64(1 << 63)  # tells the first letters of a name from a word that is no more than they
_NOBODY = -1
_LISTED, _COUNTED, _POSTED, _ASKED = range(4)  # the passes in which a sentence's terms are told apart
_PASSES = 4


@inline
def _is_upper(byte: Any) -> Any:
    return u8(byte - u8(65)) < u8(26)


@inline
def _head(data: Any, start: Any, end: Any) -> Any:
    """Return the key of a name's first letters, 0 where it has not enough of them."""
    letters, value = 0, u64(0)
    while start + letters < end and letters <= _LONG:
        byte = data[start + letters] | u8(32)
        if u8(byte - u8(97)) >= u8(26):
            break
        if letters < _LONG:
            value |= u64(byte) << u64(8 * letters)
        letters += 1
    if letters < _SHORT:
        return u64(0)
    if letters <= _LONG:  # a short name counts by four letters
        value &= u64(0xFFFFFFFF)
    return avalanche(value | _HEAD)


@inline
def _acronym(letters: Any, count: Any) -> Any:
    """Return the hash of the token that the last ``count`` letters make."""
    value = u64(0)
    for index in range(count):
        value |= u64(letters[len(letters) - count + index]) << u64(8 * index)
    return avalanche(absorb(PRIME_5 + u64(8), value))


@inline
def _slot(keys: Any, stamps: Any, stamp: Any, key: Any) -> Any:
    mask = len(keys) - 1
    place = int(key >> u64(20)) & mask
    while stamps[place] == stamp and keys[place] != key:
        place = (place + 1) & mask
    return place


@kernel
def _learn(known: Any, stamp: Any, key: Any, member: Any, when: Any) -> None:
    """Remember that a member has a key: the first member that has it, a second one, and when it was first published."""
    keys, stamps, first, second, since = known
    place = _slot(keys, stamps, stamp, key)
    if stamps[place] != stamp:
        stamps[place] = stamp
        keys[place] = key
        first[place] = member
        second[place] = _NOBODY
        since[place] = _LAST
    elif first[place] != member and second[place] == _NOBODY:
        second[place] = member
    if when != UNDATED:
        since[place] = min(since[place], when)


@inline
def _joined(data: Any, start: Any, end: Any, joins: Any, hashes: Any, low: Any, high: Any) -> Any:
    """Say whether two capitalised words make one name: white space, a hyphen and small words stand between them."""
    for token in range(low, high):
        found = False
        for join in joins:
            found = found or hashes[token] == join
        if not found:
            return False
    for place in range(start, end):
        byte = data[place]
        letter = u8((byte | u8(32)) - u8(97)) < u8(26)
        if not (letter or byte == u8(32) or byte == u8(10) or byte == u8(13) or byte == u8(45)):
            return False
    return True


@kernel
def _count_keys(bundle: Any, text: Any) -> Any:
    """Return how many keys a text has at most."""
    data, bases, places, starts, _, _, _ = bundle
    capitals = 0
    for token in range(places[text], places[text + 1]):
        capitals += _is_upper(data[bases[text] + starts[token]])
    return places[text + 1] - places[text] + _INITIALS * capitals


@kernel
def _learn_text(known: Any, stamp: Any, member: Any, when: Any, text: Any, bundle: Any, joins: Any) -> None:
    """Remember the terms of a text, the first letters of its capitalised words, and the acronyms of its names."""
    data, bases, places, starts, ends, hashes, terms = bundle
    base = bases[text]
    initials = np.zeros(_INITIALS, np.uint8)
    count, last = 0, -1
    for token in range(places[text], places[text + 1]):
        if terms[token]:
            _learn(known, stamp, terms[token], member, when)
        first = data[base + starts[token]]
        if not _is_upper(first):
            continue
        head = _head(data, base + starts[token], base + ends[token])
        if head:
            _learn(known, stamp, head, member, when)
        if last < 0 or not _joined(data, base + ends[last], base + starts[token], joins, hashes, last + 1, token):
            count = 0
        for place in range(_INITIALS - 1):
            initials[place] = initials[place + 1]
        initials[_INITIALS - 1] = first | u8(32)
        count = min(count + 1, _INITIALS)
        last = token
        for size in range(2, count + 1):
            _learn(known, stamp, _acronym(initials, size), member, when)


@inline
def _known_to(known: Any, stamp: Any, key: Any, member: Any, when: Any, origin: Any) -> Any:
    """Say who but ``member`` has a key: bit 0 anybody, bit 1 somebody published before ``when``, bit 2 the origin."""
    keys, stamps, first, second, since = known
    place = _slot(keys, stamps, stamp, key)
    if not key or stamps[place] != stamp:
        return 0
    anybody = first[place] != member or second[place] != _NOBODY
    early = when != UNDATED and since[place] < when
    return anybody * 1 + early * 2 + (first[place] == origin and origin != member) * 4


@kernel
def _room(groups: Any, source: Any, sentence_places: Any, texts: Any, titles: Any, most: Any) -> Any:
    """Return how many sentences of sources a group has at most, and how many slots their keys need."""
    widest, keys = 0, 16
    for group in range(len(groups) - 1):
        widest = max(widest, sentence_places[groups[group + 1]] - sentence_places[groups[group]])
        need = 0
        for text in range(groups[group], groups[group + 1]):
            if source[text]:
                need += _count_keys(texts, text) + _count_keys(titles, text)
        keys = max(keys, need)
    slots = 16
    while slots < 2 * keys:
        slots *= 2
    return min(widest, most), slots


@kernel
def _counts(sentence: Any, bounds: Any, numbers: Any) -> Any:
    """Say whether a sentence has a term that counts."""
    found = False
    for token in range(bounds[sentence], bounds[sentence + 1]):
        found = found or numbers[token] >= 0
    return found


@kernel
def _list_sources(group: Any, groups: Any, order: Any, source: Any, cut: Any, listed: Any, places: Any) -> Any:
    """List the sentences of a group's sources, and number their terms.

    Returns the counts of sentences, terms and (term, sentence) pairs, and whether there was no room for more.
    """
    sentence_places, bounds, numbers = cut
    sentence_of, member_of, rank_of, linked = listed
    seen, number_in, group_of = places
    count, terms, entries = 0, 0, 0
    for rank in range(groups[group], groups[group + 1]):
        text = order[rank]
        if not source[text]:
            continue
        before = -2
        for sentence in range(sentence_places[text], sentence_places[text + 1]):
            if not _counts(sentence, bounds, numbers):
                continue
            if count == len(sentence_of):
                return count, terms, entries, True
            sentence_of[count], member_of[count], rank_of[count] = sentence, text, rank
            linked[count] = sentence == before + 1
            before = sentence
            count += 1
            for token in range(bounds[sentence], bounds[sentence + 1]):
                term = numbers[token]
                if term < 0 or seen[term] == _PASSES * sentence + _LISTED:
                    continue
                seen[term] = _PASSES * sentence + _LISTED
                if group_of[term] != group:
                    group_of[term] = group
                    number_in[term] = terms
                    terms += 1
                entries += 1
    return count, terms, entries, False


@kernel
def _post(count: Any, terms: Any, entries: Any, cut: Any, listed: Any, places: Any) -> Any:
    """Return the listed sentences of each term, ascending, and where those of each term start."""
    _, bounds, numbers = cut
    seen, number_in, _ = places
    starts, postings = np.zeros(terms + 2, np.int64), np.empty(entries, np.int32)
    for turn in (_COUNTED, _POSTED):
        if turn == _POSTED:
            for term in range(terms):
                starts[term + 1] += starts[term]
        to = starts[: terms + 1].copy()
        for index in range(count):
            sentence = listed[0][index]
            for token in range(bounds[sentence], bounds[sentence + 1]):
                term = numbers[token]
                if term < 0 or seen[term] == _PASSES * sentence + turn:
                    continue
                seen[term] = _PASSES * sentence + turn
                if turn == _COUNTED:
                    starts[number_in[term] + 1] += 1
                else:
                    postings[to[number_in[term]]] = index
                    to[number_in[term]] += 1
    return starts, postings


@kernel
def _cost(
    sentence: Any, text: Any, group: Any, when: Any, origin: Any, cut: Any, facts: Any, texts: Any, known: Any, out: Any
) -> None:
    """Write what the names and numbers cost that nobody has, nobody earlier, not the origin; and the own voice."""
    _, bounds, numbers = cut
    flags, rarity, own_voice, own_places, own_terms, new_name, new_number, own_cost = facts
    data, bases, _, starts, ends, hashes, terms = texts
    out[:] = 0.0
    own_name = own_voice[sentence]
    for token in range(bounds[sentence], bounds[sentence + 1]):
        term = numbers[token]
        if term < 0 or not flags[token] & (NAME | NUMBER):
            continue
        key = terms[token]
        knows = _known_to(known, group, key, text, when, origin)
        if flags[token] & NAME:
            head = _head(data, bases[text] + starts[token], bases[text] + ends[token])
            knows |= _known_to(known, group, hashes[token], text, when, origin)
            knows |= _known_to(known, group, head, text, when, origin)
            for own in range(own_places[text], own_places[text + 1]):
                own_name = own_name or own_terms[own] == key
        for bit in range(3):
            if not knows & (1 << bit):
                out[bit] += new_number if flags[token] & NUMBER else new_name * rarity[term]
    if own_name:
        out += own_cost


@kernel
def _weigh(
    sentence: Any,
    text: Any,
    group: Any,
    own: Any,
    held: Any,
    cut: Any,
    listed: Any,
    places: Any,
    posted: Any,
    rarity: Any,
    least: Any,
    story: Any,
    found: Any,
) -> Any:
    """Add up what each listed sentence of another member holds of a sentence, alone and with the two beside it.

    ``own`` of the listed sentences are the text's own, ``held`` are others'. Returns the weight of the whole sentence
    and how many sentences were touched.
    """
    _, bounds, numbers = cut
    _, member_of, _, linked = listed
    seen, number_in, group_of = places
    starts, postings = posted
    single, window, touched = found
    top = np.log((held + 1) / 0.5)
    total, touches = 0.0, 0
    for token in range(bounds[sentence], bounds[sentence + 1]):
        term = numbers[token]
        if term < 0 or seen[term] == _PASSES * sentence + _ASKED:
            continue
        seen[term] = _PASSES * sentence + _ASKED
        if rarity[term] < least:
            continue
        low, high = 0, 0
        if group_of[term] == group:
            low, high = starts[number_in[term]], starts[number_in[term] + 1]
        others = high - low
        if own:
            for entry in range(low, high):
                others -= member_of[postings[entry]] == text
        weight = rarity[term] * (1 - story + story * np.log((held + 1) / (others + 0.5)) / top)
        total += weight
        reached = -1
        for entry in range(low, high):
            index = postings[entry]
            if member_of[index] == text:
                continue
            if single[index] == 0.0 and window[index] == 0.0:
                touched[touches] = index
                touches += 1
            single[index] += weight
            start = index - 1 if linked[index] else index
            end = index + 1 if linked[index + 1] else index
            for near in range(max(start, reached + 1), end + 1):
                if single[near] == 0.0 and window[near] == 0.0:
                    touched[touches] = near
                    touches += 1
                window[near] += weight
            reached = end
    return total, touches


@inline
def _choose(touches: Any, tie: Any, listed: Any, found: Any) -> Any:
    """Return the sentence to name.

    Of near ties it is the preferred member's, and with its neighbours the one of the three that holds most alone.
    """
    _, _, rank_of, linked = listed
    single, window, touched = found
    highest = 0.0
    for touch in range(touches):
        highest = max(highest, window[touched[touch]])
    chosen = -1
    for touch in range(touches):
        index = touched[touch]
        if window[index] < highest - tie:
            continue
        better = chosen < 0 or rank_of[index] < rank_of[chosen]
        if not better and rank_of[index] == rank_of[chosen]:
            more = single[index] - single[chosen]
            better = more > 0 or (more == 0 and index < chosen)
        if better:
            chosen = index
    middle = chosen
    if linked[middle] and single[middle - 1] > single[chosen]:
        chosen = middle - 1
    if linked[middle + 1] and single[middle + 1] > single[chosen]:
        chosen = middle + 1
    return chosen


@kernel
def counterparts(
    groups: Any,
    order: Any,
    source: Any,
    published: Any,
    sentence_places: Any,
    bounds: Any,
    numbers: Any,
    flags: Any,
    rarity: Any,
    wanted: Any,
    own_voice: Any,
    own_places: Any,
    own_terms: Any,
    texts: Any,
    titles: Any,
    joins: Any,
    weights: Any,
    most: Any,
    scores: Any,
    containment: Any,
    best: Any,
) -> Any:
    """Find for each ``wanted`` sentence its best counterpart among the sentences of the other members.

    Group ``g`` is the texts ``groups[g]`` to ``groups[g + 1]``, in the order of preference ``order``; only those that
    are a ``source`` are searched, and of these the first ``most`` sentences. Sentence ``s`` is the tokens ``bounds[s]``
    to ``bounds[s + 1]``; ``sentence_places`` bounds those of each text. ``numbers`` say which term a token is, -1 where
    it does not count; ``rarity`` has one value a term. ``own_terms`` are names of a text's own outlet.

    Writes per sentence ``scores`` (against all members, earlier ones, the origin), the best containment, and the
    sentence that is named for it, -1 where no term is found. Returns how many groups had more sentences.
    """
    least, story, scant, near_tie, new_name, new_number, own_cost = weights
    widest, slots = _room(groups, source, sentence_places, texts, titles, most)
    cut = (sentence_places, bounds, numbers)
    facts = (flags, rarity, own_voice, own_places, own_terms, new_name, new_number, own_cost)
    known = (
        np.empty(slots, np.uint64),
        np.full(slots, -1, np.int32),
        np.empty(slots, np.int32),
        np.empty(slots, np.int32),
        np.empty(slots, np.int64),
    )
    # Of a term: the last sentence with it, its number in the group, the last group with it.
    places = (np.full(len(rarity), -1, np.int64), np.zeros(len(rarity), np.int32), np.full(len(rarity), -1, np.int64))
    # Of a source's sentence: its number, member, rank of that, and whether it directly follows the one before.
    listed = (
        np.empty(widest, np.int64),
        np.empty(widest, np.int64),
        np.empty(widest, np.int64),
        np.zeros(widest + 1, np.bool_),
    )
    found = (np.zeros(widest, np.float64), np.zeros(widest, np.float64), np.empty(widest, np.int64))
    cost, highest = np.zeros(3), np.zeros(3)
    capped = 0
    for group in range(len(groups) - 1):
        first, last = groups[group], groups[group + 1]
        count, terms, entries, full = _list_sources(group, groups, order, source, cut, listed, places)
        listed[3][count] = False
        capped += full
        if count == 0:
            continue
        origin = order[first]
        posted = _post(count, terms, entries, cut, listed, places)
        for rank in range(first, last):
            text = order[rank]
            if source[text]:
                _learn_text(known, group, text, published[text], text, texts, joins)
                _learn_text(known, group, text, published[text], text, titles, joins)
        for text in range(first, last):
            own = 0
            if source[text]:
                for index in range(count):
                    own += listed[1][index] == text
            held = count - own
            if held == 0:
                continue
            when = published[text]
            for sentence in range(sentence_places[text], sentence_places[text + 1]):
                if not wanted[sentence]:
                    continue
                total, touches = _weigh(
                    sentence, text, group, own, held, cut, listed, places, posted, rarity, least, story, found
                )
                if touches == 0:
                    continue
                chosen = _choose(touches, near_tie * total, listed, found)
                highest[:] = 0.0
                for touch in range(touches):
                    index = found[2][touch]
                    value, other = found[1][index], listed[1][index]
                    highest[0] = max(highest[0], value)
                    if when != UNDATED and published[other] != UNDATED and published[other] < when:
                        highest[1] = max(highest[1], value)
                    if other == origin:
                        highest[2] = max(highest[2], value)
                    found[0][index] = 0.0
                    found[1][index] = 0.0
                best[sentence] = listed[0][chosen]
                containment[sentence] = min(1.0, highest[0] / total)
                _cost(sentence, text, group, when, origin, cut, facts, texts, known, cost)
                for bit in range(3):
                    if highest[bit] > 0:
                        scores[sentence, bit] = highest[bit] / (total + scant) - cost[bit]
    return capped


@kernel
def ties(
    places: Any,
    numbers: Any,
    rarity: Any,
    copied: Any,
    sentence_of: Any,
    named: Any,
    containment: Any,
    common: Any,
    out: Any,
) -> None:
    """Write for each text what its rare words tie it to the text that most of it comes from: rarity in 100 words.

    A token comes from the text that it is ``copied`` from (negative: none), or in part from the text ``named`` for its
    sentence. Each term that both texts have counts by what its rarity exceeds ``common``.
    """
    held = np.zeros(len(places) - 1)
    theirs, mine = np.full(len(rarity), -1, np.int64), np.full(len(rarity), -1, np.int64)
    for text in range(len(places) - 1):
        source, words = -1, 0
        for token in range(places[text], places[text + 1]):
            if numbers[token] < 0:
                continue
            words += 1
            sentence = sentence_of[token]
            other = copied[token] if copied[token] >= 0 else named[sentence]
            if other < 0:
                continue
            held[other] += 1.0 if copied[token] >= 0 else containment[sentence]
            if source < 0 or held[other] > held[source]:
                source = other
        out[text] = 0.0
        for token in range(places[text], places[text + 1]):
            if copied[token] >= 0:
                held[copied[token]] = 0.0
            elif named[sentence_of[token]] >= 0:
                held[named[sentence_of[token]]] = 0.0
        if source < 0:
            continue
        for token in range(places[source], places[source + 1]):
            if numbers[token] >= 0:
                theirs[numbers[token]] = text
        for token in range(places[text], places[text + 1]):
            term = numbers[token]
            if term >= 0 and theirs[term] == text and mine[term] != text:
                mine[term] = text
                out[text] += max(0.0, rarity[term] - common)
        out[text] *= 100.0 / words
