"""Matches → the witness forest."""

from __future__ import annotations

from typing import Any

from dedup.kernels.jit import kernel


@kernel
def witnesses(longer: Any, shorter: Any, relation: Any, score: Any, best: Any) -> None:
    """Write for each text the match that admits it: the strongest with a longer text, -1 for none.

    Strongest is the lowest relation, then the highest score, then the longest text.
    """
    best[:] = -1
    for match in range(len(longer)):
        held = best[shorter[match]]
        if held >= 0:
            if relation[held] != relation[match]:
                better = relation[match] < relation[held]
            elif score[held] != score[match]:
                better = score[match] > score[held]
            else:
                better = longer[match] < longer[held]
            if not better:
                continue
        best[shorter[match]] = match


@kernel
def roots(longer: Any, best: Any, root: Any) -> None:
    """Follow the witnesses: ``root[i]`` is the longest text of the tree of text ``i`` (texts in order of rank)."""
    for text in range(len(best)):
        root[text] = text if best[text] < 0 else root[longer[best[text]]]
