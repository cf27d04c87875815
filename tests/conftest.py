"""Profiles and corpora that every test module shares."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("support")  # it asserts for several modules

from support import ROOT  # noqa: E402  (behind the line above)

if TYPE_CHECKING:
    from pathlib import Path

# A test that is marked `no_cover` runs untraced: tracing makes Python three times as slow, and others hold its lines.

# Deterministic: the same run finds the same things, on any machine. No deadline: kernels compile at their first call.
settings.register_profile(
    "fast",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("fast"), max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

PROOFS = bool(os.environ.get("CI") or os.environ.get("DEDUP_SLOW"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the long proofs to CI: without them two cores need less than five minutes."""
    for item in items:
        if not PROOFS and item.get_closest_marker("proof"):
            item.add_marker(pytest.mark.skip(reason="a long proof: CI=true or DEDUP_SLOW=1 runs it"))


@pytest.fixture(scope="session")
def sample() -> Path:
    """Return the folder of the sample corpus."""
    return ROOT / "corpus"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real news beside the repository, which is not part of it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: the quality floors on real news are measured only where it is")
    return folder
