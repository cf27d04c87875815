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
    least, story, near_tie, new_name, new_number, own_cost = weights
    vocabulary = len(rarity)
    number_in = np.zeros(vocabulary, np.int32)  # of a term: its number in the story
    seen = np.full(vocabulary, -1, np.int64)  # the last sentence with a term
    group_of = np.full(vocabulary, -1, np.int64)
    widest, keys_needed = 0, 16
    for group in range(len(groups) - 1):
        widest = max(widest, sentence_places[groups[group + 1]] - sentence_places[groups[group]])
        need = 0
        for text in range(groups[group], groups[group + 1]):
            if source[text]:
                need += _count_keys(texts, text) + _count_keys(titles, text)
        keys_needed = max(keys_needed, need)
    widest = min(widest, most)
    size = 16
    while size < 2 * keys_needed:
        size *= 2
    known = (
        np.empty(size, np.uint64),
        np.full(size, -1, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int64),
    )
    sentence_of = np.empty(widest + 1, np.int64)  # of a source sentence: its number
    member_of = np.empty(widest + 1, np.int64)
    rank_of = np.empty(widest + 1, np.int64)
    linked = np.zeros(widest + 2, np.bool_)  # it directly follows the one before
    single = np.zeros(widest + 1, np.float64)
    window = np.zeros(widest + 1, np.float64)
    touched = np.empty(widest + 1, np.int64)
    capped = 0
    for group in range(len(groups) - 1):
        first, last = groups[group], groups[group + 1]
        origin = order[first] if last > first else -1
        # The sentences of the sources, and what these know.
        count = 0
        full = False
        local, entries = 0, 0
        for place in range(first, last):
            text = order[place]
            if not source[text]:
                continue
            before = -2
            for sentence in range(sentence_places[text], sentence_places[text + 1]):
                filled = False
                for token in range(bounds[sentence], bounds[sentence + 1]):
                    filled = filled or numbers[token] >= 0
                if not filled:
                    continue
                if count == widest:
                    full = True
                    break
                sentence_of[count], member_of[count], rank_of[count] = sentence, text, place
                linked[count] = sentence == before + 1
                before = sentence
                for token in range(bounds[sentence], bounds[sentence + 1]):
                    term = numbers[token]
                    if term < 0 or seen[term] == sentence:
                        continue
                    seen[term] = sentence
                    if group_of[term] != group:
                        group_of[term] = group
                        number_in[term] = local
                        local += 1
                    entries += 1
                count += 1
        linked[count] = False
        capped += full
        if count == 0:
            continue
        # Postings: the source sentences of each term, ascending.
        posting_places = np.zeros(local + 2, np.int64)
        for turn in range(2):
            if turn == 1:
                for term in range(local):
                    posting_places[term + 1] += posting_places[term]
                postings = np.empty(entries, np.int32)
                filled_to = posting_places[: local + 1].copy()
            for index in range(count):
                sentence = sentence_of[index]
                for token in range(bounds[sentence], bounds[sentence + 1]):
                    term = numbers[token]
                    if term < 0 or seen[term] == -2 - turn - 2 * sentence:
                        continue
                    seen[term] = -2 - turn - 2 * sentence
                    if turn == 0:
                        posting_places[number_in[term] + 1] += 1
                    else:
                        postings[filled_to[number_in[term]]] = index
                        filled_to[number_in[term]] += 1
        for place in range(first, last):
            text = order[place]
            if source[text]:
                _learn_text(known, group, text, published[text], text, texts, joins)
                _learn_text(known, group, text, published[text], text, titles, joins)
        # The sentences that look for a counterpart.
        for text in range(first, last):
            own_sentences = 0
            if source[text]:
                for index in range(count):
                    own_sentences += member_of[index] == text
            held = count - own_sentences
            if held == 0:
                continue
            top = np.log((held + 1) / 0.5)
            when = published[text]
            for sentence in range(sentence_places[text], sentence_places[text + 1]):
                if not wanted[sentence]:
                    continue
                total, touches = 0.0, 0
                names, figures = np.zeros(3), np.zeros(3)
                own_name = own_voice[sentence]
                for token in range(bounds[sentence], bounds[sentence + 1]):
                    term = numbers[token]
                    if term < 0:
                        continue
                    if flags[token] & (NAME | NUMBER):
                        key = texts[6][token]
                        knows = _known_to(known, group, key, text, when, origin)
                        if flags[token] & NAME:
                            base = texts[1][text]
                            head = _head(texts[0], base + texts[3][token], base + texts[4][token])
                            knows |= _known_to(known, group, texts[5][token], text, when, origin)
                            knows |= _known_to(known, group, head, text, when, origin)
                            for own in range(own_places[text], own_places[text + 1]):
                                own_name = own_name or own_terms[own] == key
                        for bit in range(3):
                            if not knows & (1 << bit):
                                if flags[token] & NUMBER:
                                    figures[bit] += 1
                                else:
                                    names[bit] += rarity[term]
                    if seen[term] == sentence + (1 << 40):
                        continue
                    seen[term] = sentence + (1 << 40)
                    if rarity[term] < least:
                        continue
                    low, high = 0, 0
                    if group_of[term] == group:
                        low, high = posting_places[number_in[term]], posting_places[number_in[term] + 1]
                    others = high - low
                    if own_sentences:
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
                if touches:
                    highest, early, by_origin = 0.0, 0.0, 0.0
                    for touch in range(touches):
                        index = touched[touch]
                        value = window[index]
                        highest = max(highest, value)
                        other = member_of[index]
                        if when != UNDATED and published[other] != UNDATED and published[other] < when:
                            early = max(early, value)
                        if other == origin:
                            by_origin = max(by_origin, value)
                    chosen = -1
                    for touch in range(touches):
                        index = touched[touch]
                        if window[index] < highest - near_tie * total:
                            continue
                        better = chosen < 0 or rank_of[index] < rank_of[chosen]
                        if not better and rank_of[index] == rank_of[chosen]:
                            more = single[index] - single[chosen]
                            better = more > 0 or (more == 0 and index < chosen)
                        if better:
                            chosen = index
                    for touch in range(touches):
                        single[touched[touch]] = 0.0
                        window[touched[touch]] = 0.0
                    best[sentence] = sentence_of[chosen]
                    containment[sentence] = min(1.0, highest / total)
                    for bit, value in enumerate((highest, early, by_origin)):
                        if value > 0:
                            cost = new_name * names[bit] + new_number * figures[bit] + own_cost * own_name
                            scores[sentence, bit] = value / total - cost
    return capped
