"""How much memory a run may take, and what is done at a time within it.

The figures are bytes an article and bytes a sampled shingle, measured (docs/scale.md); a budget that they exceed is
refused before any work.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from dedup.boilerplate import ROOM
from dedup.errors import SettingsError
from dedup.postings import Room

_UNITS = {"": 1} | {letter: 1000**power for power, letter in enumerate("kmgt", 1)}
_UNITS |= {f"{letter}i": 1024**power for power, letter in enumerate("kmgt", 1)}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?i?B?)", re.IGNORECASE)
_SHARE = 0.75  # of the memory of the machine, or of the process's control group, that a run takes unless told otherwise
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

# What every run takes, and each thread: the interpreter, Arrow, kernels; texts under way.
_BASE, _THREAD = 320 << 20, 160 << 20
# Out of core, at the worst stage, must be in memory: so much of every article and of every sampled shingle.
_ARTICLE, _KEY = 130, 3
_SKETCHED = 420  # of an article in a row group that is read, of which a few wait for the one before them
_WAITING = 3  # row groups a thread
# While boilerplate is learned: an article, with 48 rare terms at the most; an entry (a sentence or a run) of a pass.
_LEARNED, _TOLD = 240, 52
# In memory: what would else be on disk comes on top.
_ARTICLE_HELD, _KEY_HELD = 300, 16
# With ledgers, and with stories: an article out of core, one in a row group, and what is on disk else.
_ACCOUNTED, _RETOLD, _OUTLINED, _RETOLD_HELD = 1200, 1300, 3600, 9000
_ALIGNING = 100 << 20  # a thread: vectors and outlines of the articles of a block
_ENTRY, _MENTION = 16, 12  # bytes of one while it is worked on
_TOKEN = 6  # bytes of text, about
_LEAST, _LEAST_TOLD = Room(1 << 18, 1 << 18), 1 << 19
_MOST = Room()


class Load(NamedTuple):
    """What a run has to bear: articles, about how many sampled shingles, the articles of the largest row group.

    ``tokens`` are about how many boilerplate is learned from, 0 where it is not.
    """

    articles: int
    keys: int
    largest: int
    tokens: int


class Plan(NamedTuple):
    """Whether columns go to disk, what is worked on at a time, and how many bytes of text may be held.

    ``told`` are the entries that are worked on at a time while boilerplate is learned.
    """

    on_disk: bool
    room: Room
    held: int
    told: int = ROOM


def parse(written: str) -> int:
    """Return the bytes of a size such as ``4GB`` (powers of 1000), ``512MiB`` (of 1024) or a plain number.

    Raises SettingsError.
    """
    found = _WRITTEN.fullmatch(written.strip())
    unit = found[2].lower().removesuffix("b") if found else None
    if found is None or unit not in _UNITS:
        raise SettingsError(f"memory {written!r}: expected a size such as 4GB, 512MB or 2GiB")
    return int(float(found[1]) * _UNITS[unit])


def usable() -> int:
    """Return the bytes that a run takes unless told otherwise: a share of the machine's, or of its control group's."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _CGROUPS:
        limit = Path(name).read_text(encoding="ascii").strip() if Path(name).is_file() else "max"
        there = min(there, int(limit)) if limit.isdigit() else there
    return int(there * _SHARE)


def peak() -> int:
    """Return the largest resident set of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) * 1024
    import resource  # noqa: PLC0415  (not on every system)

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def expected_tokens(text: int) -> int:
    """Return about how many tokens so many bytes of text have."""
    return text // _TOKEN


def plan(memory: int, load: Load, threads: int, held: int) -> Plan:
    """Plan a run; ``held`` bytes of text are better held than read again.

    Raises SettingsError where the budget is too small, with the one that is needed.
    """
    fixed = _BASE + threads * (_THREAD + _WAITING * load.largest * _SKETCHED)
    grouping = load.articles * _ARTICLE + load.keys * _KEY + threads * _bytes(_LEAST)
    learning = load.articles * _LEARNED + load.tokens // 8 + min(_LEAST_TOLD, load.tokens) * _TOLD if load.tokens else 0
    needed = fixed + max(grouping, learning)
    if memory < needed:
        cheaper = f" ({_shown(fixed + grouping)} with --keep-boilerplate)" if learning > grouping else ""
        message = f"{load.articles:,} articles need {_shown(needed)} at least{cheaper}; give more, or split the corpus"
        raise SettingsError(f"memory {_shown(memory)}: {message}")
    told = min(ROOM, _LEAST_TOLD + (memory - fixed - learning) // _TOLD)
    whole = fixed + load.articles * _ARTICLE_HELD + load.keys * _KEY_HELD + threads * _bytes(_MOST)
    if max(whole, needed) + held <= memory:
        return Plan(on_disk=False, room=_MOST, held=held, told=told)
    share = (memory - fixed - grouping) // threads
    room = Room(
        min(_MOST.entries, _LEAST.entries + share // 2 // _ENTRY),
        min(_MOST.mentions, _LEAST.mentions + share // 2 // _MENTION),
    )
    return Plan(on_disk=True, room=room, held=0, told=told)


def plan_find(memory: int | None, load: Load, threads: int, held: int, *, stories: bool) -> Plan:
    """Plan a run with ledgers, and with stories where they are wanted; ``held`` bytes of text are better held.

    Without a budget a share of the machine's memory decides what goes to disk, and nothing is refused. Raises
    SettingsError where a budget is too small, with the one that is needed.
    """
    row_groups = _WAITING * load.largest * (_OUTLINED if stories else _SKETCHED)
    articles = load.articles * (_RETOLD if stories else _ACCOUNTED) + load.tokens // 8
    needed = _BASE + threads * (_THREAD + _ALIGNING + row_groups) + articles + load.keys * _KEY
    if memory is not None and memory < needed:
        message = f"{load.articles:,} articles need {_shown(needed)} at least; give more, or split the corpus"
        raise SettingsError(f"memory {_shown(memory)}: {message}")
    whole = needed + load.articles * (_RETOLD_HELD if stories else _ARTICLE_HELD) + load.keys * _KEY_HELD
    if whole + held <= (max(usable(), needed) if memory is None else memory):
        return Plan(on_disk=False, room=_MOST, held=held)
    return Plan(on_disk=True, room=_MOST, held=0)


def _bytes(room: Room) -> int:
    return max(room.entries * _ENTRY, room.mentions * _MENTION)


def _shown(size: int) -> str:
    return f"{-(-size // 10_000_000) / 100:g} GB"
