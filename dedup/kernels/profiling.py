"""Readings → what the story decision looks at: content terms by sentence, lead, figures, salient terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_1
from dedup.kernels.jit import inline, kernel, u64
from dedup.kernels.partners import likeliest
from dedup.kernels.reading import FIGURE, SENTENCE

HEAD = 6  # numbers at the beginning of a record
_STEP = 16  # bytes that are cleared in a row in the time of one entry of a list


@inline
def _slot(slots: Any, terms: Any, term: Any) -> Any:
    mask = len(slots) - 1
    place = int((term * PRIME_1) >> u64(20)) & mask
    while slots[place] >= 0 and terms[slots[place]] != term:
        place = (place + 1) & mask
    return place


@kernel
def index_terms(terms: Any, first: Any, slots: Any) -> None:
    """Put distinct ``terms``, from the ``first`` on, into an open-addressing table (a power of two places, -1 free)."""
    for index in range(first, len(terms)):
        slots[_slot(slots, terms, terms[index])] = index


@kernel
def look_up(terms: Any, slots: Any, wanted: Any, out: Any) -> None:
    """Write the number of every wanted term, -1 where it is not in the table."""
    for index in range(len(wanted)):
        out[index] = slots[_slot(slots, terms, wanted[index])]


@kernel
def distinct_terms(terms: Any, places: Any, titles: Any, title_places: Any, out: Any) -> Any:
    """Write every article's distinct terms, text and title, one article after the other; return how many in all."""
    longest = 1
    for article in range(len(places) - 1):
        size = places[article + 1] - places[article] + title_places[article + 1] - title_places[article]
        longest = max(longest, size)
    room = 16
    while room < 2 * longest:
        room *= 2
    slots = np.empty(room, np.uint64)
    stamps = np.full(room, -1, np.int64)
    written = 0
    for article in range(len(places) - 1):
        written = _add(terms[places[article] : places[article + 1]], slots, stamps, article, out, written)
        title = titles[title_places[article] : title_places[article + 1]]
        written = _add(title, slots, stamps, article, out, written)
    return written


@inline
def _add(terms: Any, slots: Any, stamps: Any, stamp: Any, out: Any, written: Any) -> Any:
    mask = len(slots) - 1
    for index in range(len(terms)):
        term = terms[index]
        if term == u64(0):
            continue
        place = int((term * PRIME_1) >> u64(20)) & mask
        while stamps[place] == stamp and slots[place] != term:
            place = (place + 1) & mask
        if stamps[place] != stamp:
            stamps[place] = stamp
            slots[place] = term
            out[written] = term
            written += 1
    return written


@kernel
def profile(
    texts: Any, titles: Any, vocabulary: Any, limits: Any, sentences: Any, articles: Any, figures: Any, salient: Any
) -> None:
    """Write the profiles of a batch of articles.

    ``texts`` is (ids, flags, boilerplate, places), one value a token; ``titles`` (ids, places). ``vocabulary`` is
    (content, key weight): whether a term is a content word, and its weight as a key (0: never one). ``limits`` is
    (sentences, lead sentences, tokens a sentence at least and at most, keys). Outputs, each (places, values ...):
    ``sentences`` (sentence_places, term_places, terms as columns of the article's own terms), ``articles`` (places,
    terms ascending, counts with the title's twice, lead), ``figures`` (places, terms), ``salient`` (places, terms).
    """
    ids, flags, boilerplate, places = texts
    title_ids, title_places = titles
    content, key_weight = vocabulary
    most, lead, least_tokens, most_tokens, keys = limits
    sentence_places, term_places, sentence_terms, has_title = sentences
    article_places, article_terms, article_counts, article_lead = articles
    figure_places, figure_terms = figures
    salient_places, salient_terms = salient
    longest = 1
    for article in range(len(places) - 1):
        size = places[article + 1] - places[article] + title_places[article + 1] - title_places[article]
        longest = max(longest, size)
    kept = np.empty(longest, np.int64)
    raw = np.empty(2 * longest, np.int32)  # content terms, sentence after sentence
    bounds = np.empty(most + 2, np.int64)
    seen = np.empty(2 * longest, np.int32)
    numbers = np.empty(longest, np.int32)
    every = np.empty(3 * longest, np.int32)  # all terms, for keys
    scores = np.empty(3 * longest, np.float64)
    sentence_at, term_at, article_at, figure_at, salient_at = 0, 0, 0, 0, 0
    for article in range(len(places) - 1):
        start, end = places[article], places[article + 1]
        title_start, title_end = title_places[article], title_places[article + 1]
        count, filled, figured, told = 0, 0, 0, 0
        bounds[0] = 0
        has_title[article] = title_end > title_start
        if title_end > title_start:
            for token in range(title_start, title_end):
                number = title_ids[token]
                if number >= 0:
                    every[told] = number
                    every[told + 1] = number
                    told += 2
                    if content[number]:
                        raw[filled] = number
                        filled += 1
            count = 1
            bounds[1] = filled
        limit = most + count
        token = start
        while token < end and count < limit:
            last = token + 1
            while last < end and not flags[last] & SENTENCE:
                last += 1
            held, own = 0, last - token
            for place in range(token, last):
                if not boilerplate[place]:
                    kept[held] = place
                    held += 1
            if held >= least_tokens and (held >= 0.4 * own or held >= 8):
                begin = 0
                while begin < held and count < limit:
                    stop = min(held, begin + most_tokens)
                    if stop - begin >= least_tokens:
                        for index in range(begin, stop):
                            number = ids[kept[index]]
                            if number < 0:
                                continue
                            every[told] = number
                            told += 1
                            if flags[kept[index]] & FIGURE:
                                numbers[figured] = number
                                figured += 1
                            if content[number]:
                                raw[filled] = number
                                filled += 1
                        count += 1
                        bounds[count] = filled
                    begin = stop
            token = last
        # the article's own terms, ascending
        order = np.sort(raw[:filled])
        first = article_at
        for index in range(filled):
            if index == 0 or order[index] != order[index - 1]:
                article_terms[article_at] = order[index]
                article_counts[article_at] = 0
                article_lead[article_at] = False
                article_at += 1
        article_places[article + 1] = article_at
        columns = article_terms[first:article_at]
        seen[: article_at - first] = -1
        for sentence in range(count):
            for index in range(bounds[sentence], bounds[sentence + 1]):
                column = np.searchsorted(columns, raw[index])
                article_counts[first + column] += 2 if sentence == 0 and has_title[article] else 1
                if sentence < lead + has_title[article]:
                    article_lead[first + column] = True
                if seen[column] != sentence:
                    seen[column] = sentence
                    sentence_terms[term_at] = column
                    term_at += 1
            sentence_at += 1
            term_places[sentence_at] = term_at
        sentence_places[article + 1] = sentence_at
        figure_at = _distinct_into(numbers[:figured], figure_terms, figure_at)
        figure_places[article + 1] = figure_at
        salient_at = _salient(every[:told], key_weight, keys, scores, salient_terms, salient_at)
        salient_places[article + 1] = salient_at


@inline
def _distinct_into(values: Any, out: Any, written: Any) -> Any:
    values.sort()
    for index in range(len(values)):
        if index == 0 or values[index] != values[index - 1]:
            out[written] = values[index]
            written += 1
    return written


@inline
def _salient(terms: Any, weight: Any, keys: Any, scores: Any, out: Any, written: Any) -> Any:
    """Write the ``keys`` terms with the highest (1 + log tf) x weight, ties to the lower number; ascending."""
    terms.sort()
    distinct, start = 0, 0
    for index in range(1, len(terms) + 1):
        if index == len(terms) or terms[index] != terms[start]:
            if weight[terms[start]] > 0:
                scores[distinct] = -(1 + np.log(index - start)) * weight[terms[start]]
                terms[distinct] = terms[start]
                distinct += 1
            start = index
    if distinct > keys:
        chosen = np.argsort(scores[:distinct], kind="mergesort")[:keys]
        chosen.sort()
        for index in range(keys):
            out[written + index] = terms[chosen[index]]
        return written + keys
    out[written : written + distinct] = terms[:distinct]
    return written + distinct


@kernel
def within_window(
    keys: Any, places: Any, times: Any, undated: Any, window: Any, least: Any, most: Any, first: Any, out: Any
) -> Any:
    """Pair the articles from ``first`` on with earlier ones that share ``least`` keys, no more than ``window`` apart.

    Articles stand in order of time, those without one last. ``keys[places[i]:places[i + 1]]`` are those of article
    ``i``, small numbers, 255 at most. An article without a time (``times`` is ``undated``) pairs with any. Of an
    article's earlier partners the ``most`` that share most keys stay, among equals the nearest in time. Writes
    (earlier, later), ascending by the later one, into ``out`` (room for ``most`` an article); returns (pairs, articles
    that had more).
    """
    articles = len(places) - 1
    starts = _list_starts(keys[: places[articles]])
    begins, ends = starts[:-1].copy(), starts[:-1].copy()  # of each list what lies in the window, and before an article
    owner = np.empty(places[articles], np.int32)
    shared = np.zeros(articles, np.uint8)
    enough = np.empty(articles, np.int32)
    tally = np.zeros(256, np.int64)
    written, capped, oldest = 0, 0, 0
    for article in range(articles):
        own = keys[places[article] : places[article + 1]]
        if article >= first:
            if times[article] == undated:
                oldest = 0
                for key in own:
                    begins[key] = starts[key]
            else:
                while times[article] - times[oldest] > window:
                    oldest += 1
            count, looked = 0, 0
            for key in own:
                while begins[key] < ends[key] and owner[begins[key]] < oldest:
                    begins[key] += 1
                looked += ends[key] - begins[key]
                for entry in range(begins[key], ends[key]):
                    other = owner[entry]
                    shared[other] += 1
                    if shared[other] == least:
                        enough[count] = other
                        count += 1
            bar, room, more = likeliest(shared, enough, count, least, most, tally)
            capped += more
            chosen, begun = np.sort(enough[:count]), written
            for back in range(count):
                other = chosen[count - 1 - back]
                value = shared[other]
                if value > bar or (value == bar and room > 0):
                    room -= value == bar
                    out[written, 0], out[written, 1] = other, article
                    written += 1
            out[begun:written, 0] = out[begun:written, 0][::-1].copy()
            if looked * _STEP > article - oldest:
                shared[oldest:article] = 0
            else:
                for key in own:
                    for entry in range(begins[key], ends[key]):
                        shared[owner[entry]] = 0
        for key in own:
            owner[ends[key]] = article
            ends[key] += 1
    return written, capped


@inline
def _list_starts(keys: Any) -> Any:
    """Return where the entries of each key start, and the end of all."""
    lists = 0
    for key in keys:
        lists = max(lists, key + 1)
    starts = np.zeros(lists + 1, np.int64)
    for key in keys:
        starts[key + 1] += 1
    for key in range(lists):
        starts[key + 1] += starts[key]
    return starts


@kernel
def pack(outlines: Any, record_places: Any, records: Any) -> None:
    """Write a record an article: how long each part is, then the parts (see :func:`unpack`).

    ``outlines`` is (sentence_places, titled, term_places, sentence_terms, article_places, terms, counts, lead,
    figure_places, figures, salient_places, salient), as :class:`dedup.profiles.Outlines` has them.
    """
    sentences, titled, spoken, columns, held, terms, counts, lead, figured, figures, salient, keys = outlines
    for article in range(len(titled)):
        at = record_places[article]
        first, last = sentences[article], sentences[article + 1]
        records[at] = titled[article]
        records[at + 1] = last - first
        records[at + 2] = spoken[last] - spoken[first]
        records[at + 3] = held[article + 1] - held[article]
        records[at + 4] = figured[article + 1] - figured[article]
        records[at + 5] = salient[article + 1] - salient[article]
        at += HEAD
        for sentence in range(first, last):
            records[at] = spoken[sentence + 1] - spoken[sentence]
            at += 1
        at = _put(columns[spoken[first] : spoken[last]], records, at)
        at = _put(terms[held[article] : held[article + 1]], records, at)
        for entry in range(held[article], held[article + 1]):
            records[at] = counts[entry] * 2 + lead[entry]
            at += 1
        at = _put(figures[figured[article] : figured[article + 1]], records, at)
        _put(keys[salient[article] : salient[article + 1]], records, at)


@kernel
def unpack(records: Any, starts: Any, outlines: Any) -> None:
    """Read the records that start at ``starts`` into ``outlines``, whose places are 0 at first: see :func:`pack`.

    A record: titled; how many sentences, columns, terms, figures and keys; of each sentence how many columns, the
    columns, the terms, of each term its count twice and whether it is in the lead, the figures, the keys.
    """
    sentences, titled, spoken, columns, held, terms, counts, lead, figured, figures, salient, keys = outlines
    for article in range(len(starts)):
        at = starts[article]
        titled[article] = records[at] != 0
        first = sentences[article]
        last = first + records[at + 1]
        sentences[article + 1] = last
        held[article + 1] = held[article] + records[at + 3]
        figured[article + 1] = figured[article] + records[at + 4]
        salient[article + 1] = salient[article] + records[at + 5]
        at += HEAD
        for sentence in range(first, last):
            spoken[sentence + 1] = spoken[sentence] + records[at]
            at += 1
        at = _get(records, at, columns[spoken[first] : spoken[last]])
        at = _get(records, at, terms[held[article] : held[article + 1]])
        for entry in range(held[article], held[article + 1]):
            counts[entry] = records[at] >> 1
            lead[entry] = records[at] & 1
            at += 1
        at = _get(records, at, figures[figured[article] : figured[article + 1]])
        _get(records, at, keys[salient[article] : salient[article + 1]])


@inline
def _put(values: Any, records: Any, at: Any) -> Any:
    for index in range(len(values)):
        records[at + index] = values[index]
    return at + len(values)


@inline
def _get(records: Any, at: Any, out: Any) -> Any:
    for index in range(len(out)):
        out[index] = records[at + index]
    return at + len(out)


@kernel
def cover(places: Any, starts: Any, ends: Any, articles: Any, token_places: Any, out: Any) -> None:
    """Set ``out`` for the tokens of these articles that lie in one of their runs."""
    for index in range(len(articles)):
        article = articles[index]
        for run in range(places[article], places[article + 1]):
            for token in range(token_places[index] + starts[run], token_places[index] + ends[run]):
                out[token] = True
