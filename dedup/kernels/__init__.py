"""Numba code only: arrays in, arrays out, no Python objects.

Every kernel releases the GIL and is compiled once per machine (numba's on-disk cache). Nothing here knows of
settings, files or Arrow; the modules one level up call these functions and give them their meaning.
"""

from __future__ import annotations

import contextlib
from pathlib import Path


def _forget_stale(folder: Path) -> None:
    """Drop compiled kernels when any of the sources has changed.

    Numba looks at the file of a kernel only, and not at those of the kernels that it calls: after an upgrade of one
    file the compiled callers in others would go on with the old code.
    """
    sources = sorted(folder.glob("*.py"))
    stamp = "\n".join(f"{path.name} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in sources)
    cache = folder / "__pycache__"
    known = cache / "kernels.stamp"
    with contextlib.suppress(OSError):  # a folder that cannot be written holds no cache either
        if known.exists() and known.read_text() == stamp:
            return
        for compiled in (*cache.glob("*.nbi"), *cache.glob("*.nbc")):
            compiled.unlink()
        cache.mkdir(exist_ok=True)
        known.write_text(stamp)


_forget_stale(Path(__file__).parent)
