"""Sentence alignment: what two articles have in common, sentence by sentence, under two weightings of their terms.

Global weights say how rare a term is; local weights say how rare it is among the articles that resemble this one.
Sentence vectors are fixed point: integer sums have one order, so every machine finds the same, and 16-bit products
take half the time of floats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel

i16, i32, f32 = np.int16, np.int32, np.float32

GLOBAL, LOCAL, WEIGHTINGS = 0, 1, 2
WIDTH = 128  # dimensions that one dot product takes; its loop is unrolled, longer vectors are several of them

NEIGHBOUR_PRIOR = 30  # the global rarity counts as this many neighbours
LEAST_WEIGHT = 0.05  # of a term that every neighbour has
LEXICAL, VECTORS = f32(0.7), f32(0.3)  # shares of a sentence's similarity
MATCH = f32(0.4)  # similarity from which a sentence has a counterpart
HOURS = 3600 * 1_000_000  # microseconds
GAP_HOURS = 6
NO_DATE = -(1 << 63)
_ONE = f32(32767)  # the length of a sentence vector in fixed point; a dot product then stays below 2**30
_DOT = f32(1 / 32767**2)
_TINY = 1e-6  # keeps quotients of empty articles finite

# What is added to a share before its logarithm: so small a share is as good as none.
_LITTLE_COVER, _LITTLE_LEAD, _LITTLE_VECTORS, _LITTLE_JACCARD = 0.03, 0.1, 0.05, 0.1


# ------------------------------------------------------------------------------------------------------- local weights


@kernel
def count_neighbours(left: Any, right: Any, group: Any, places: Any) -> None:
    """Write where the neighbours of each article start, copies of itself left out; ``places`` is all 0."""
    for pair in range(len(left)):
        if group[left[pair]] != group[right[pair]]:
            places[left[pair] + 1] += 1
            places[right[pair] + 1] += 1
    for article in range(len(places) - 1):
        places[article + 1] += places[article]


@kernel
def neighbours(left: Any, right: Any, group: Any, places: Any, members: Any, counts: Any) -> None:
    """Write the neighbours of each article from ``places[article]`` on, and how many; a copy group counts once.

    With ascending pairs (left < right) a group's smallest article stands for it.
    """
    free = places[:-1].copy()
    for pair in range(len(left)):
        if group[left[pair]] != group[right[pair]]:
            members[free[right[pair]]] = left[pair]
            free[right[pair]] += 1
    for pair in range(len(left)):
        if group[left[pair]] != group[right[pair]]:
            members[free[left[pair]]] = right[pair]
            free[left[pair]] += 1
    seen = np.full(len(group), -1, np.int64)
    for article in range(len(counts)):
        kept = places[article]
        for place in range(places[article], places[article + 1]):
            member = members[place]
            if seen[group[member]] != article:
                seen[group[member]] = article
                members[kept] = member
                kept += 1
        counts[article] = kept - places[article]


@kernel
def count_holders(
    article_places: Any, article_terms: Any, terms: Any, places: Any, members: Any, counts: Any, holders: Any
) -> None:
    """Add to ``holders``, for each (article, term), how many of the article's neighbours hold the term.

    ``terms`` is how many terms there are.
    """
    column = np.full(terms, -1, np.int32)
    for article in range(len(counts)):
        if counts[article] == 0:
            continue
        first, end = article_places[article], article_places[article + 1]
        _enter(column, article_terms, first, end)
        for place in range(places[article], places[article] + counts[article]):
            member = members[place]
            for entry in range(article_places[member], article_places[member + 1]):
                found = column[article_terms[entry]]
                if found >= 0:
                    holders[first + found] += 1
        _leave(column, article_terms, first, end)


@kernel
def local_weights(article_places: Any, article_terms: Any, weight: Any, counts: Any, holders: Any, local: Any) -> None:
    """Write for each (article, term) its rarity among the article and its ``counts`` neighbours."""
    for article in range(len(counts)):
        total = counts[article] + 1 + NEIGHBOUR_PRIOR
        for entry in range(article_places[article], article_places[article + 1]):
            expected = NEIGHBOUR_PRIOR * math.exp(-weight[article_terms[entry]])
            local[entry] = max(LEAST_WEIGHT, math.log(total / (1 + holders[entry] + expected)))


@inline
def _longest(places: Any) -> Any:
    longest = 1
    for index in range(len(places) - 1):
        longest = max(longest, places[index + 1] - places[index])
    return longest


@inline
def _enter(column: Any, terms: Any, first: Any, end: Any) -> None:
    for entry in range(first, end):
        column[terms[entry]] = entry - first


@inline
def _leave(column: Any, terms: Any, first: Any, end: Any) -> None:
    for entry in range(first, end):
        column[terms[entry]] = -1


# --------------------------------------------------------------------------------------------------- views of articles


@kernel
def sentence_views(
    articles: Any,
    sentence_places: Any,
    term_places: Any,
    sentence_terms: Any,
    article_places: Any,
    article_terms: Any,
    weight: Any,
    local: Any,
    vector_row: Any,
    vectors: Any,
    inverse: Any,
    units: Any,
) -> None:
    """Write of every sentence of ``articles``, under both weightings, 1 / its length and its vector of length one.

    ``inverse`` is (sentences, weightings) float32, ``units`` (sentences, weightings, parts, WIDTH) int16, all 0.
    """
    dimensions = vectors.shape[1]
    total = np.empty((WEIGHTINGS, dimensions), np.float32)
    fold = np.empty(dimensions + 1, np.float32)
    out = 0
    for article in articles:
        start = article_places[article]
        for sentence in range(sentence_places[article], sentence_places[article + 1]):
            total[:] = 0
            squares = f32(0)
            local_squares = f32(0)
            for place in range(term_places[sentence], term_places[sentence + 1]):
                entry = start + sentence_terms[place]
                term = article_terms[entry]
                squares += weight[term] * weight[term]
                local_squares += local[entry] * local[entry]
                if vector_row[term] >= 0:
                    _add(total[GLOBAL], vectors[vector_row[term]], weight[term])
                    _add(total[LOCAL], vectors[vector_row[term]], local[entry])
            inverse[out, GLOBAL] = 1 / (math.sqrt(squares) + _TINY)
            inverse[out, LOCAL] = 1 / (math.sqrt(local_squares) + _TINY)
            for weighting in range(WEIGHTINGS):
                _to_fixed_point(total[weighting], fold, units[out, weighting])
            out += 1


@inline
def _add(total: Any, vector: Any, weight: Any) -> None:
    for index in range(len(total)):
        total[index] += weight * vector[index]


@inline
def _to_fixed_point(total: Any, fold: Any, unit: Any) -> None:
    """Scale to length one. The squares are added by halves: a running sum would wait for itself."""
    fold[0] = 0
    for index in range(len(total)):
        fold[index] = total[index] * total[index]
    count = len(total)
    while count > 1:
        half = (count + 1) // 2
        for index in range(count - half):
            fold[index] += fold[index + half]
        count = half
    scale = f32(_ONE / (math.sqrt(fold[0]) + _TINY))
    for index in range(len(total)):
        unit[index // WIDTH, index % WIDTH] = i16(np.rint(total[index] * scale))


@kernel
def article_views(
    articles: Any,
    sentence_places: Any,
    term_places: Any,
    sentence_terms: Any,
    article_places: Any,
    article_terms: Any,
    frequency: Any,
    lead: Any,
    weight: Any,
    local: Any,
    occurrence_places: Any,
    occurrences: Any,
    lead_weight: Any,
    inverse: Any,
) -> None:
    """Write the sentences in which each term of ``articles`` occurs, their lead's weight and 1 / their length.

    ``occurrence_places`` has one place a term of each article and one more, all 0; ``lead_weight`` is (articles,
    weightings).
    """
    base = 0
    for number in range(len(articles)):
        article = articles[number]
        start, end = article_places[article], article_places[article + 1]
        first, last = sentence_places[article], sentence_places[article + 1]
        for place in range(term_places[first], term_places[last]):
            occurrence_places[base + sentence_terms[place] + 1] += 1
        for entry in range(base, base + end - start):
            occurrence_places[entry + 1] += occurrence_places[entry]
        free = occurrence_places[base : base + end - start].copy()
        for sentence in range(first, last):
            for place in range(term_places[sentence], term_places[sentence + 1]):
                entry = sentence_terms[place]
                occurrences[free[entry]] = sentence - first
                free[entry] += 1
        base += end - start
        squares = 0.0
        lead_weight[number] = 0
        for entry in range(start, end):
            squares += (frequency[entry] * local[entry]) ** 2
            if lead[entry]:
                lead_weight[number, GLOBAL] += weight[article_terms[entry]]
                lead_weight[number, LOCAL] += local[entry]
        inverse[number] = 1 / (math.sqrt(squares) + _TINY)


# ------------------------------------------------------------------------------------------------------------ evidence


@kernel
def evidence(
    left: Any,
    right: Any,
    articles: Any,
    article_places: Any,
    article_terms: Any,
    frequency: Any,
    lead: Any,
    weight: Any,
    local: Any,
    sentence_starts: Any,
    sentence_inverse: Any,
    units: Any,
    term_starts: Any,
    occurrence_places: Any,
    occurrences: Any,
    lead_weight: Any,
    inverse: Any,
    number_places: Any,
    numbers: Any,
    published: Any,
    outlet: Any,
    out: Any,
) -> None:
    """Write the evidence of pairs of ``articles``, given by their places there; equal ``left`` best stand together."""
    column = np.full(len(weight), -1, np.int32)
    room = _longest(article_places)
    common = np.empty((2, room), np.int64)
    most = _longest(sentence_starts)
    lexical = np.empty((WEIGHTINGS, most, most), np.float32)
    best = np.empty((2, 2 * WEIGHTINGS, most), np.float32)  # [side, lexical and both under each weighting, sentence]
    products = np.empty(most, np.int32)
    attention = _attention(most)
    entered = -1
    for pair in range(len(left)):
        one, two = left[pair], right[pair]
        a, b = articles[one], articles[two]
        start_a, start_b = article_places[a], article_places[b]
        if one != entered:
            if entered >= 0:
                before = articles[entered]
                _leave(column, article_terms, article_places[before], article_places[before + 1])
            _enter(column, article_terms, start_a, article_places[a + 1])
            entered = one
        count = _common(column, article_terms, start_b, article_places[b + 1], common)

        cosine, both_leads, a_in_b, b_in_a = 0.0, 0.0, 0.0, 0.0
        for index in range(count):
            x, y = start_a + common[0, index], start_b + common[1, index]
            cosine += frequency[x] * local[x] * frequency[y] * local[y]
            a_in_b += lead[x] * local[x]
            b_in_a += lead[y] * local[y]
            both_leads += (lead[x] * lead[y]) * weight[article_terms[x]]
        cosine *= inverse[one] * inverse[two]
        leads = (a_in_b / (lead_weight[one, LOCAL] + _TINY) + b_in_a / (lead_weight[two, LOCAL] + _TINY)) / 2
        either_lead = lead_weight[one, GLOBAL] + lead_weight[two, GLOBAL] - both_leads

        first_a, first_b = sentence_starts[one], sentence_starts[two]
        rows, columns = sentence_starts[one + 1] - first_a, sentence_starts[two + 1] - first_b
        lexical[:, :rows, :columns] = 0
        for index in range(count):
            x, y = common[0, index], common[1, index]
            term = article_terms[start_a + x]
            _meet(
                _of(occurrences, occurrence_places, term_starts[one] + x),
                _of(occurrences, occurrence_places, term_starts[two] + y),
                sentence_inverse[first_a:],
                sentence_inverse[first_b:],
                weight[term] * weight[term],
                local[start_a + x] * local[start_b + y],
                lexical,
            )
        _best(lexical, units[first_a : first_a + rows], units[first_b : first_b + columns], products, best)

        cover = _cover(best, GLOBAL, attention, rows, columns)
        local_cover = _cover(best, LOCAL, attention, rows, columns)
        vectors = (_mean(best[0, 2 + LOCAL, :rows]) + _mean(best[1, 2 + LOCAL, :columns])) / 2
        out[pair, 0] = (
            math.log(local_cover + _LITTLE_COVER)
            + math.log(cover + _LITTLE_COVER)
            + math.log(leads + _LITTLE_LEAD)
            + math.log(cosine + _LITTLE_COVER)
            + math.log(vectors + _LITTLE_VECTORS)
        ) / 5
        ours, theirs = _of(numbers, number_places, a), _of(numbers, number_places, b)
        out[pair, 1] = _shared(ours, theirs) / (min(len(ours), len(theirs)) + 1)
        out[pair, 2] = math.log(both_leads / (either_lead + _TINY) + _LITTLE_JACCARD)
        out[pair, 3] = min(_matched(best[0, 2 + GLOBAL, :rows]), _matched(best[1, 2 + GLOBAL, :columns]))
        out[pair, 4] = outlet[a] >= 0 and outlet[a] == outlet[b]
        dated = published[a] != NO_DATE and published[b] != NO_DATE
        hours = abs(float(published[a]) - float(published[b])) / HOURS
        out[pair, 5] = math.log1p(hours / GAP_HOURS) if dated else 0.0
        out[pair, 6] = not dated


@inline
def _of(entries: Any, places: Any, index: Any) -> Any:
    return entries[places[index] : places[index + 1]]


@inline
def _common(column: Any, terms: Any, first: Any, end: Any, common: Any) -> Any:
    """Write the common terms, by their numbers in the article entered and in this one; return how many."""
    count = 0
    for entry in range(first, end):
        found = column[terms[entry]]
        if found >= 0:
            common[0, count] = found
            common[1, count] = entry - first
            count += 1
    return count


@inline
def _meet(ours: Any, theirs: Any, inverse: Any, inverse_theirs: Any, overall: Any, nearby: Any, lexical: Any) -> None:
    """Add one common term to the lexical cosine of every two sentences that have it."""
    for i in ours:
        for j in theirs:
            lexical[GLOBAL, i, j] += overall * inverse[i, GLOBAL] * inverse_theirs[j, GLOBAL]
            lexical[LOCAL, i, j] += nearby * inverse[i, LOCAL] * inverse_theirs[j, LOCAL]


@inline
def _attention(most: Any) -> Any:
    """Return, for each number of sentences, how much each counts: early ones more, all together 1."""
    shares = np.zeros((most + 1, most))
    for count in range(1, most + 1):
        for index in range(count):
            shares[count, index] = 1 / math.log2(2.0 + index)
        shares[count] /= shares[count].sum()
    return shares


@inline
def _dots(one: Any, two: Any) -> Any:
    total = i32(0)
    for part in range(len(one)):
        total = i32(total + _dot(one[part], two[part]))
    return total


@inline
def _dot(one: Any, two: Any) -> Any:
    total = i32(0)
    for index in range(WIDTH):
        total = i32(total + i32(one[index]) * i32(two[index]))
    return total


@inline
def _best(lexical: Any, ours: Any, theirs: Any, products: Any, best: Any) -> None:
    """Write for each sentence its best similarity in the other article: lexical alone, and with vectors.

    ``products`` is scratch for one row: the loops after it then take several sentences at a time.
    """
    columns = len(theirs)
    best[1, :, :columns] = 0
    bits, best_bits = lexical.view(np.int32), best.view(np.int32)
    for i in range(len(ours)):
        for weighting in range(WEIGHTINGS):
            for j in range(columns):
                products[j] = _dots(ours[i, weighting], theirs[j, weighting])
            row = bits[weighting, i, :columns]
            best_bits[0, weighting, i] = _raise(row, best_bits[1, weighting, :columns])
            words = lexical[weighting, i, :columns]
            for j in range(columns):
                words[j] = LEXICAL * words[j] + VECTORS * _DOT * f32(max(products[j], i32(0)))
            best_bits[0, 2 + weighting, i] = _raise(row, best_bits[1, 2 + weighting, :columns])


@inline
def _raise(row: Any, best: Any) -> Any:
    """Raise ``best`` to the values of ``row``; return the highest of these.

    They are the bits of floats from 0 up, whose order is that of integers: integers have no NaN in the way of SIMD.
    """
    highest = i32(0)
    for j in range(len(row)):
        value = row[j]
        best[j] = max(best[j], value)
        highest = max(highest, value)
    return highest


@inline
def _cover(best: Any, weighting: Any, attention: Any, rows: Any, columns: Any) -> Any:
    total = 0.0
    for index in range(rows):
        total += best[0, weighting, index] * attention[rows, index]
    for index in range(columns):
        total += best[1, weighting, index] * attention[columns, index]
    return total / 2


@inline
def _mean(values: Any) -> Any:
    total = 0.0
    for value in values:
        total += value
    return total / max(1, len(values))


@inline
def _matched(values: Any) -> Any:
    count = 0
    for value in values:
        count += value > MATCH
    return count / max(1, len(values))


@inline
def _shared(one: Any, two: Any) -> Any:
    """Count what two ascending arrays share."""
    i, j, count = 0, 0, 0
    while i < len(one) and j < len(two):
        count += one[i] == two[j]
        step = one[i] <= two[j]
        j += one[i] >= two[j]
        i += step
    return count
