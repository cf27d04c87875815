"""Roles: what an article did with the origin."""

from __future__ import annotations

import pytest

from dedup.roles import ROLES, Shares, role


@pytest.mark.parametrize(
    ("shares", "wanted"),
    [
        (Shares(1.0, 0.0, 0.0, 1.0), "identical"),
        (Shares(0.95, 0.05, 0.0, 0.9), "light edit"),
        (Shares(1.0, 0.0, 0.0, 0.4), "trimmed"),
        (Shares(0.6, 0.0, 0.0, 1.0), "extended"),
        (Shares(0.5, 0.0, 0.4, 0.5), "merged"),
        (Shares(0.5, 0.45, 0.0, 0.5), "rewrite"),
        (Shares(0.0, 0.8, 0.0, 0.0), "rewrite"),
        (Shares(0.1, 0.05, 0.0, 0.0), "independent"),
    ],
)
def test_by_shares(shares: Shares, wanted: str) -> None:
    assert ROLES[role(shares, same_outlet=False, later=True)] == wanted


def test_the_same_outlet_later() -> None:
    assert ROLES[role(Shares(0.5, 0.1, 0.0, 0.5), same_outlet=True, later=True)] == "own update"
    assert ROLES[role(Shares(0.5, 0.1, 0.0, 0.5), same_outlet=True, later=False)] == "extended"
    assert ROLES[role(Shares(1.0, 0.0, 0.0, 1.0), same_outlet=True, later=True)] == "identical"


def test_the_edges() -> None:
    assert ROLES[role(Shares(0.8, 0.2, 0.0, 0.72), same_outlet=False, later=True)] == "light edit"
    assert ROLES[role(Shares(0.8, 0.2, 0.0, 0.719), same_outlet=False, later=True)] == "trimmed"
    assert ROLES[role(Shares(0.2, 0.0, 0.2, 0.1), same_outlet=False, later=True)] == "merged"
