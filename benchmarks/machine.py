"""What is recorded of the machine: the processor, its cores, the memory; no names and no paths."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSIONS = """
import platform, sys
from importlib import metadata
print("python", platform.python_version(), end="")
for name in sys.argv[1:]:
    try:
        print(";", name, metadata.version(name), end="")
    except metadata.PackageNotFoundError:
        print(";", name, "-", end="")
"""


def processor() -> str:
    """Name the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def cores() -> int:
    """Count the cores that may be used."""
    return len(os.sched_getaffinity(0))


def memory() -> float:
    """Measure the memory in GB."""
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)


def versions(python: Path, packages: Iterable[str]) -> str:
    """List the versions of Python and of some packages in an environment."""
    command = [str(python), "-c", _VERSIONS, *packages]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def commit() -> str:
    """Name the commit measured, with + when the working tree differs from it."""
    root = str(Path(__file__).resolve().parent.parent)
    command = ["git", "-C", root, "describe", "--always", "--dirty=+", "--abbrev=10"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
