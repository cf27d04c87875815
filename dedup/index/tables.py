"""The tables of one commit, or of one batch that is being written: keys are numbers or bytes, values bytes.

Every value carries a check of itself and its key. A key that is missing is believed missing only if its neighbours are
sound and on its either side: had a bit of a key turned, it would stand out of order just there.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.index.damage import damage
from dedup.index.environment import INNER, SETS, TABLES, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dedup.errors import IndexStateError
    from dedup.index.environment import Environment

Key = int | bytes

_BY_BYTES = frozenset({"meta", "ids", "shelf", "tails"})
_NUMBER = struct.Struct(">Q")
_WORD = 8  # bytes
_TOGETHER = 1000  # values that are read between two rests


class Tables:
    """What one commit holds."""

    def __init__(self, environment: Environment, txn: Any) -> None:
        """Look through a transaction."""
        self._environment, self._txn = environment, txn
        self._handles, self._fault = environment.handles, environment.fault
        self._cursors: dict[str, Any] = {}

    @property
    def path(self) -> Path:
        """The file of LMDB."""
        return self._environment.folder / "data.mdb"

    def get(self, table: str, key: Key) -> bytes | None:
        """Return the value of a key, None where there is none."""
        packed = _packed(key)
        try:
            stored = self._txn.get(packed, db=self._handles[table])
            if stored is None:
                self._see_missing(table, packed)
                return None
        except self._fault as error:
            raise self._environment.told(error) from error
        return self._sound(table, packed, stored)

    def several(self, table: str, keys: NDArray[np.int64]) -> list[bytes | None]:
        """Return the values of many keys, in their order."""
        data = keys.astype(">i8").tobytes()
        packed = [data[start : start + _WORD] for start in range(0, len(data), _WORD)]
        distinct = sorted(set(packed))
        try:
            with self._txn.cursor(db=self._handles[table]) as cursor:
                found: dict[bytes, bytes] = {}
                for start in range(0, len(distinct), _TOGETHER):
                    found |= cursor.getmulti(distinct[start : start + _TOGETHER])
                    self.ease()
            if len(found) < len(distinct):
                for key in distinct:
                    if key not in found:
                        self._see_missing(table, key)
        except self._fault as error:
            raise self._environment.told(error) from error
        for key, stored in found.items():
            found[key] = self._sound(table, key, stored)
        return [found.get(key) for key in packed]

    def ease(self) -> None:
        """Is called between pieces of what is read in many places: the system maps what lies around each."""

    def listed(self, key: int) -> NDArray[np.int64]:
        """Return the members of a key, ascending."""
        packed = _packed(key)
        try:
            with self._txn.cursor(db=self._handles["members"]) as cursor:
                stored = [word for _, word in cursor.getmulti([packed], dupdata=True)]
            if not stored:
                self._see_missing("members", packed)
        except self._fault as error:
            raise self._environment.told(error) from error
        return self._sound_members(packed, b"".join(stored))

    def scan(self, table: str, first: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Return keys, from ``first`` on, with their values, in order; of `members`, the numbers as native int64."""
        before = b""
        try:
            with self._txn.cursor(db=self._handles[table]) as cursor:
                there = cursor.first() if first is None else cursor.set_range(_packed(first))
                while there:
                    key = cursor.key()
                    if key <= before and before:
                        raise self._damaged(table)
                    if table in SETS:
                        numbers = self._sound_members(key, b"".join(cursor.iternext_dup()))
                        yield _unpacked(table, key), numbers.tobytes()
                        there = cursor.next_nodup()
                    else:
                        yield _unpacked(table, key), self._sound(table, key, cursor.value())
                        there = cursor.next()
                    before = key
        except self._fault as error:
            raise self._environment.told(error) from error

    def before(self, table: str, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the last key below a key, with its value."""
        try:
            with self._txn.cursor(db=self._handles[table]) as cursor:
                there = cursor.prev() if cursor.set_range(key) else cursor.last()
                found = cursor.item() if there else None
        except self._fault as error:
            raise self._environment.told(error) from error
        return found and (found[0], self._sound(table, *found))

    def count(self, table: str) -> int:
        """Count the keys of a table; of `members`, the members of all keys."""
        try:
            entries: int = self._txn.stat(self._handles[table])["entries"]
        except self._fault as error:
            raise self._environment.told(error) from error
        return entries

    def whole(self, table: str) -> list[tuple[Key, bytes]]:
        """Return a table at once. Raises IndexStateError also where some of it cannot be reached."""
        rows = list(self.scan(table))
        if len(rows) != self.count(table):
            raise self._damaged(table)
        return rows

    def damages(self) -> Iterator[str]:
        """Read all tables and say what is wrong."""
        path = self.path
        for table in (*TABLES, *INNER):
            rows = 0
            try:
                with self._txn.cursor(db=self._handles[table]) as cursor:
                    for key, stored in cursor:
                        rows += 1
                        if not self._stands(table, key, stored):
                            yield f"{path}: damaged value in {table} (key {key.hex()})"
            except self._fault as error:
                yield f"{path}: {table} cannot be read ({error})"
            else:
                if rows != self.count(table):
                    yield f"{path}: {rows:,} of {self.count(table):,} values in {table} are there"

    # What is there must be sound --------------------------------------------------------------------------------------

    def _sound(self, table: str, key: bytes, stored: bytes) -> bytes:
        value = unseal(table, key, stored)
        if value is None:
            raise self._damaged(table)
        return value

    def _sound_members(self, key: bytes, stored: bytes) -> NDArray[np.int64]:
        words = np.frombuffer(stored, np.uint64)
        numbers = (words >> np.uint64(32)).astype(np.int64)
        if (member_words(_NUMBER.unpack(key)[0], numbers) != words).any():
            raise self._damaged("members")
        return numbers

    def _see_missing(self, table: str, key: bytes) -> None:
        cursor = self._cursors.get(table)
        if cursor is None:
            cursor = self._cursors[table] = self._txn.cursor(db=self._handles[table])
        behind = cursor.set_range(key)
        if behind and (cursor.key() <= key or not self._stands(table, *cursor.item())):
            raise self._damaged(table)
        before = cursor.prev() if behind else cursor.last()
        if before and (cursor.key() >= key or not self._stands(table, *cursor.item())):
            raise self._damaged(table)

    def _stands(self, table: str, key: bytes, stored: bytes) -> bool:
        return _check_members(key, stored) if table in SETS else unseal(table, key, stored) is not None

    def _damaged(self, table: str) -> IndexStateError:
        return damage(f"{self.path}: damaged value in {table}")


class Changes(Tables):
    """A batch that is being written."""

    def __init__(self, environment: Environment, txn: Any) -> None:
        """Write through a transaction."""
        super().__init__(environment, txn)
        self._last: dict[str, bytes] = {}

    def put(self, table: str, key: Key, value: bytes) -> None:
        """Set the value of a key. A key of bytes has 1 to 480 of them, a number 63 bits."""
        packed = _packed(key)
        try:
            if table not in self._last:
                with self._txn.cursor(db=self._handles[table]) as cursor:
                    self._last[table] = cursor.key() if cursor.last() else b""
            behind = packed > self._last[table]  # LMDB then fills its pages
            self._txn.put(packed, seal(table, packed, value), append=behind, db=self._handles[table])
        except self._fault as error:
            raise self._environment.told(error) from error
        if behind:
            self._last[table] = packed

    def delete(self, table: str, key: Key) -> None:
        """Remove a key; nothing happens where it is not there."""
        try:
            self._txn.delete(_packed(key), db=self._handles[table])
        except self._fault as error:
            raise self._environment.told(error) from error

    def join(self, key: int, numbers: NDArray[np.int64]) -> None:
        """Add members to a key."""
        packed = _packed(key)
        try:
            with self._txn.cursor(db=self._handles["members"]) as cursor:
                cursor.putmulti([(packed, word.tobytes()) for word in member_words(key, np.asarray(numbers, np.int64))])
        except self._fault as error:
            raise self._environment.told(error) from error

    def leave(self, key: int, numbers: NDArray[np.int64]) -> None:
        """Remove members from a key; nothing happens where they are not there."""
        packed = _packed(key)
        try:
            for word in member_words(key, np.asarray(numbers, np.int64)):
                self._txn.delete(packed, word.tobytes(), db=self._handles["members"])
        except self._fault as error:
            raise self._environment.told(error) from error

    def clear(self, table: str) -> None:
        """Remove all keys."""
        try:
            self._txn.drop(self._handles[table], delete=False)
        except self._fault as error:
            raise self._environment.told(error) from error
        self._last.pop(table, None)


def _packed(key: Key) -> bytes:
    return key if isinstance(key, bytes) else _NUMBER.pack(key)


def _unpacked(table: str, key: bytes) -> Key:
    return key if table in _BY_BYTES else int(_NUMBER.unpack(key)[0])


def member_words(key: int, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return members as they are stored: the number, and in the low 32 bits a check of it and the key."""
    words = numbers.astype(np.uint64)
    mixed = (words + np.uint64(key)) * np.uint64(0x9E3779B185EBCA87)
    mixed = (mixed ^ (mixed >> np.uint64(29)) ^ np.uint64(key)) * np.uint64(0xC2B2AE3D27D4EB4F)
    return (words << np.uint64(32)) | (mixed >> np.uint64(32))


def _check_members(key: bytes, stored: bytes) -> bool:
    words = np.frombuffer(stored, np.uint64)
    return bool((member_words(_NUMBER.unpack(key)[0], (words >> np.uint64(32)).astype(np.int64)) == words).all())
