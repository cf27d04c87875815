"""Lists of values, one after the other: chosen ones copied out, and written back."""

from __future__ import annotations

from typing import Any

from dedup.kernels.jit import kernel


@kernel
def take(places: Any, values: Any, chosen: Any, out_places: Any, out: Any) -> None:
    """Copy the lists ``chosen`` to ``out``, where ``out_places`` bounds them."""
    for index in range(len(chosen)):
        start, first = places[chosen[index]], out_places[index]
        for place in range(out_places[index + 1] - first):
            out[first + place] = values[start + place]


@kernel
def put(places: Any, values: Any, chosen: Any, new_places: Any, new: Any) -> None:
    """Write the lists ``chosen`` over, each with one of its length."""
    for index in range(len(chosen)):
        start, first = places[chosen[index]], new_places[index]
        for place in range(new_places[index + 1] - first):
            values[start + place] = new[first + place]


@kernel
def note_best(names: Any, scores: Any, left: Any, right: Any, numbers: Any, score: Any) -> None:
    """Note for both articles of every pair the other one's number with a score, in the place of an earlier one.

    An article has a row of ``names`` (-1: free) and ``scores``. Where that is full, the lowest score goes.
    """
    for pair in range(len(left)):
        _note(names[left[pair]], scores[left[pair]], numbers[right[pair]], score[pair])
        _note(names[right[pair]], scores[right[pair]], numbers[left[pair]], score[pair])


@kernel
def _note(names: Any, scores: Any, name: Any, score: Any) -> None:
    low = 0
    for place in range(len(names)):
        if names[place] == name or names[place] < 0:
            names[place], scores[place] = name, score
            return
        if scores[place] < scores[low]:
            low = place
    if score > scores[low]:
        names[low], scores[low] = name, score
