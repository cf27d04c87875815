"""The index: articles arrive, and each gets its verdict at once.

::

    newcomers ─→ survey ─→ twins, copies (verified) ─→ story by copies ─→ story by rewrites ─→ ledger ─→ verdict
                 the stages of `find`, each beside what is there; one batch is one commit
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import xxhash

from dedup.article import FIELDS, IDENTICAL, RELATIONS, Article
from dedup.background import Background
from dedup.corpus import open_corpus
from dedup.errors import IndexStateError
from dedup.index import catalog, copies, known, learning, partners
from dedup.index.catalog import NONE
from dedup.index.decision import Means, decide, verdicts, write
from dedup.index.desk import Desk, Newcomers
from dedup.index.export import export
from dedup.index.intake import distinct, tables
from dedup.index.kept import Kept, places_of
from dedup.index.partners import Times
from dedup.index.recall import Recall, table_of
from dedup.index.shelf import Shelf
from dedup.index.verdict import ADDED, CHECKED, Entry, Event, Info, Verdict
from dedup.index.withdrawal import withdraw
from dedup.kernels.runs import UNDATED
from dedup.pipeline import recipe
from dedup.settings import Settings
from dedup.stories import Model
from dedup.survey import Survey, learn, survey
from dedup.version import VERSION
from dedup.workers import Progress, Workers, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from dedup.index.catalog import Note
    from dedup.index.shelf import View, Writer
    from dedup.result import Result

BATCH = 1000  # articles that are committed together
RECENT = 15  # dated articles, the last that came: an article without a date is looked for around the middle of theirs
TERMS = 1 << 20  # that were not learned and are kept in memory; about 60 bytes each
_HEADER = b"header"
_written = json.JSONEncoder(ensure_ascii=False).encode
_KNOWN = np.dtype([("number", "<i8"), ("published", "<i8"), ("previous", "<i8")])


class Index:
    """A lasting index of articles. One process writes, any number read; threads may share it.

    ``articles`` that are given to it are any of: an iterable of :class:`dedup.Article` or of mappings with their
    fields, an Arrow table or anything with the Arrow C stream interface, a path of Parquet files.
    """

    def __init__(self, shelf: Shelf, folder: Path, settings: Settings) -> None:
        """Use :meth:`open`."""
        self._shelf, self._folder, self.settings = shelf, folder, settings
        self._background = Background.load(Path(settings.background) if settings.background else None)
        self._model = replace(Model.load(), cut=settings.story_threshold)
        self._recipe = recipe(settings)
        self._workers = Workers(settings.workers)
        self._lock = threading.RLock()
        self._learning, self._learned_from = learning.nothing(self._background), ""
        self._recall, self._kept = Recall(self._survey), Kept()
        self._times = Times(UNDATED, UNDATED)
        with shelf.reading() as view:
            self._refresh(view)

    # Opening ---------------------------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        folder: str | Path,
        settings: Settings | Mapping[str, Any] | None = None,
        *,
        readonly: bool = False,
        wait: float = 0.0,
    ) -> Self:
        """Open an index, or make one where there is none.

        Without ``settings`` it is opened with its own; where they are a mapping, those that it leaves out are the
        index's own, or the default ones of a new index. ``wait`` is how many seconds to wait for another writer.
        Raises IndexStateError where the folder is something else, has other settings, or another process writes.
        """
        path = Path(folder)
        shelf = Shelf.open(path, write=not readonly, create=not readonly, wait=wait)
        try:
            header = _header(shelf)
            chosen = (
                _founded(shelf, path, settings, readonly=readonly)
                if header is None
                else _agreed(path, header["settings"], settings)
            )
            return cls(shelf, path, chosen)
        except BaseException:
            shelf.close()
            raise

    def close(self) -> None:
        """Let go of the files; another process can write then."""
        self._shelf.close()

    def __enter__(self) -> Self:
        """Close it at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __len__(self) -> int:
        """Count the articles."""
        with self._shelf.reading() as view:
            return view.count("ids")

    # Asking ----------------------------------------------------------------------------------------------------------

    def check(self, article: Article | Mapping[str, Any]) -> Verdict:
        """Say what an article is, without storing it."""
        table = next(tables([article], 1))
        with self._lock, self._shelf.reading() as view:
            self._refresh(view)
            self._kept.see(view.head.commit)
            means = self._means()
            said = self._known(view, table, catalog.numbers_of(view, table["id"].to_pylist()), means)
            if said:
                return said[0]
            desk = self._desk(view, table)
            made = decide(desk, means, self._times, {})
            verdict = verdicts(made, means, CHECKED)[0]
            self._trim()
        own = verdict.story_id == verdict.id
        return replace(verdict, story_id=None) if own else verdict

    def get(self, id_: str) -> Entry:
        """Return an article. Raises KeyError where it is not there."""
        with self._shelf.reading() as view:
            number = catalog.number_of(view, id_)
            if number == NONE:
                raise KeyError(id_)
            record = catalog.records(view, np.array([number]))[0]
            versions = [number, *_earlier(view, record)]
            texts = view.texts(places_of(catalog.records(view, np.array(versions)))).to_pylist()
            note = catalog.notes(view, [number])[0]
            witness = int(record["twin"]) if record["twin"] != NONE else int(record["witness"])
            named = catalog.ids(view, [int(record["story"]), *([witness] if witness != NONE else [])])
        copied = IDENTICAL if record["twin"] != NONE else int(record["relation"])
        return Entry(
            id=id_,
            text=texts[0],
            title=note.title,
            source=note.source,
            published=_moment(int(record["published"])),
            url=note.url,
            story_id=named[0],
            relation=RELATIONS[copied] if witness != NONE else None,
            witness_id=named[1] if witness != NONE else None,
            history=tuple(texts[1:]),
        )

    def story(self, story_id: str) -> list[Entry]:
        """Return the articles of a story, by time of publication, undated last. Raises KeyError where there is none.

        ``story_id`` is one that a verdict named, or the id of any article.
        """
        with self._shelf.reading() as view:
            story = catalog.story_of(view, story_id)
            if story == NONE:
                raise KeyError(story_id)
            names = catalog.ids(view, view.listed(story).tolist())
        entries = [self.get(name) for name in names]
        return sorted(entries, key=lambda entry: (entry.published is None, entry.published or _moment(0), entry.id))

    def events(self, since: int = 0) -> Iterator[Event]:
        """Yield what changed, in order, after the event with the cursor ``since``."""
        with self._shelf.reading() as view:
            for cursor, raw in view.scan("events", since + 1):
                yield Event(int(cursor), **json.loads(raw))

    def info(self) -> Info:
        """Say what is here."""
        with self._shelf.reading() as view:
            meta = {name: view.get("meta", name.encode()) for name in ("oldest", "latest", "events")}
            self._refresh(view)
            return Info(
                articles=view.count("ids"),
                stories=int(view.get("meta", b"stories") or 0),
                events=int(meta["events"] or 0),
                capped=int(view.get("meta", b"capped") or 0),
                bytes=self._shelf.bytes(),
                oldest=_moment(int(meta["oldest"] or UNDATED)),
                newest=_moment(int(meta["latest"] or UNDATED)),
                learned=self._learning.articles,
                settings=self.settings.recorded(),
                version=VERSION,
            )

    def export(self, folder: str | Path) -> None:
        """Write what is here as the three Parquet files of `find`. Raises OutputError as Result.write does."""
        self.result().write(folder)

    def result(self) -> Result:
        """Return what is here as a result of `find`."""
        with self._lock, self._shelf.reading() as view:
            self._refresh(view)
            return export(view, self.settings, self._recipe, self._background, self._workers)

    def verify(self) -> list[str]:
        """Look at every byte; return what is damaged, in words, nothing where all is well."""
        found = self._shelf.verify()
        if not found:
            with self._shelf.reading() as view:
                learned = (view.get("meta", b"learned") or b"").decode()
                found = learning.damages(self._folder / learned) if learned else []
        return found

    # Adding ----------------------------------------------------------------------------------------------------------

    def add(self, articles: object, *, batch: int = BATCH, ledgers: bool = True) -> list[Verdict]:
        """Store articles and say what each is; all are durable when this returns.

        They are committed in batches: where ``articles`` raises half-way, what was committed before stays. Adding the
        same text under the same id again changes nothing; another text is an update. Without ``ledgers`` verdicts have
        no ledger, origin and role, and cost less.
        """
        return list(self.stream(articles, batch=batch, ledgers=ledgers))

    def stream(self, articles: object, *, batch: int = BATCH, ledgers: bool = True) -> Iterator[Verdict]:
        """Store articles as they come; the verdicts of a batch follow when it is durable."""
        for table in tables(articles, batch):
            for part in distinct(table):
                yield from self._add(part, ledgers=ledgers)

    def learn(self, corpus: object, *, columns: Mapping[str, str] | None = None, progress: Progress = silent) -> None:
        """Learn from an archive what outlets repeat, and how rare words are; for the articles that come later."""
        archive = open_corpus(corpus, columns)
        learned = learn(archive, self._background, Workers(self.settings.workers, progress))
        with self._lock, self._shelf.writing() as writer:
            name = learning.write(learned, len(archive), self._folder)
            writer.put("meta", b"learned", name.encode())
            writer.doom(path for path in self._folder.glob("learned-*") if path.name != name)
        with self._lock, self._shelf.reading() as view:
            self._refresh(view)

    def _add(self, table: pa.Table, *, ledgers: bool) -> list[Verdict]:
        try:
            with self._lock, self._shelf.writing() as writer:
                self._refresh(writer)
                self._kept.see(writer.head.commit)
                means = self._means(ledgers=ledgers)
                numbers = catalog.numbers_of(writer, table["id"].to_pylist())
                said = self._known(writer, table, numbers, means)
                rows = [row for row in range(len(table)) if row not in said]
                if rows:
                    fresh = table.take(pa.array(rows)) if said else table
                    made = self._store(writer, self._desk(writer, fresh), numbers[rows], means)
                    said |= dict(zip(rows, made, strict=True))
        except BaseException:
            self._recall, self._kept = Recall(self._survey), Kept()  # they may hold what was not stored
            self._times = Times(UNDATED, UNDATED)
            raise
        self._kept.commit = writer.head.commit
        self._trim()
        return [said[row] for row in range(len(table))]

    def _store(self, writer: Writer, desk: Desk, earlier: NDArray[np.int64], means: Means) -> list[Verdict]:
        """Decide on newcomers and write all there is of them; ``earlier`` are their versions so far, or NONE."""
        new = desk.newcomers
        previous = self._superseded(writer, desk, earlier)
        places = writer.store(new.records["part"], new.table["text"].combine_chunks())
        for name in ("part", "size", "offset"):
            new.records[name] = places[name]
        self._mark_time(writer, new.records["published"])
        self._leave_time(writer, list(previous.values()), new.records["published"])
        made = decide(desk, means, self._times, previous, writer)
        said = verdicts(made, means, ADDED)
        self._note(writer, write(writer, made), desk.notes)
        self._count(writer, b"stories", made.stories.more())
        self._count(writer, b"capped", made.stories.capped)
        writer.put("meta", b"next", str(new.first + len(new)).encode())
        self._kept.add(new, desk.changed())
        return said

    def _trim(self) -> None:
        """Keep what is in memory within bounds; what goes is read again where it is needed."""
        self._recall.shrink()
        self._kept.shrink()
        if self._learning.vocabulary.taken > TERMS:
            self._learning.vocabulary.forget()
            self._recall = Recall(self._survey)

    # Taking away ------------------------------------------------------------------------------------------------------

    def remove(self, ids: Iterable[str]) -> int:
        """Remove articles and all that is kept of them; return how many were there.

        A story keeps its id also when the article that founded it goes.
        """
        with self._lock, self._shelf.writing() as writer:
            self._refresh(writer)
            numbers = {catalog.number_of(writer, id_) for id_ in ids} - {NONE}
            self._discard(writer, np.array(sorted(numbers), np.int64))
        return len(numbers)

    def prune(self, before: datetime) -> int:
        """Remove all articles published before a time (without a zone: UTC); return how many went.

        The months that lie before it as a whole go as files; nothing else is written again. Articles without a date
        stay.
        """
        limit = int((before if before.tzinfo else before.replace(tzinfo=UTC)).timestamp() * 1_000_000)
        with self._lock, self._shelf.writing() as writer:
            self._refresh(writer)
            old = self._published_before(writer, limit)
            self._discard(writer, np.array(old, np.int64))
            month = int(catalog.part_of(np.array([limit]))[0])
            for part in {int(part) for part in self._shelf.parts() if 0 < part < month}:
                writer.drop(part)
        return len(old)

    def _published_before(self, writer: Writer, limit: int) -> list[int]:
        """Return the articles published before a time; what the others were before it is forgotten."""
        kept: dict[int, int] = {}  # earlier versions, by the later one
        old = []
        for number, raw in writer.scan("records"):
            record = np.frombuffer(raw, catalog.RECORD)[0]
            if record["previous"] != NONE:
                kept[int(number)] = int(record["previous"])
            if UNDATED < record["published"] < limit:
                old.append(int(number))
        outdated = set(old) & set(kept.values())
        going = [number for number in old if number not in outdated]
        for later in sorted(kept.keys() - set(going)):
            if kept[later] in outdated:
                self._forget_history(writer, later)
        return going

    def _forget_history(self, writer: Writer, number: int) -> None:
        found = catalog.records(writer, np.array([number]))
        if not len(found):  # of a version that was forgotten with a later one
            return
        for version in _earlier(writer, found[0]):
            self._erase(writer, version)
        found["previous"] = NONE
        catalog.write_record(writer, number, found[0])

    def _discard(self, writer: Writer, numbers: NDArray[np.int64]) -> None:
        if not len(numbers):
            return
        records = catalog.records(writer, numbers)
        notes = catalog.notes(writer, numbers.tolist())
        emptied = withdraw(writer, numbers, lambda heirs: self._repost(writer, heirs))
        told = zip(notes, records["story"].tolist(), strict=True)
        events = [{"kind": "removed", "id": note.id, "story": story} for note, story in told]
        self._note(writer, events, partial(catalog.notes, writer))
        for number, record, note in zip(numbers.tolist(), records, notes, strict=True):
            for version in (number, *_earlier(writer, record)):
                self._erase(writer, version)
            writer.delete("ids", catalog.key_of(note.id))
        self._find_bounds(writer, records["published"])
        self._recall.forget(numbers.tolist())
        for story in emptied:
            catalog.end_story(writer, story)
        self._count(writer, b"stories", -len(emptied))

    def _erase(self, writer: Writer, number: int) -> None:
        """Delete what is kept of an article, but for the name of a story that goes on."""
        for table in ("records", "house", "links"):
            writer.delete(table, number)
        catalog.leave_name(writer, number)

    def _repost(self, writer: Writer, numbers: NDArray[np.int64]) -> None:
        """Enter the keys of articles again."""
        nobody = self._nobody(writer)
        for number in numbers.tolist():
            table = table_of(nobody, np.array([number]))
            record = catalog.records(writer, np.array([number]))
            desk = Desk(writer, Newcomers(number, table, self._survey(table), record), self._kept)
            copies.post(writer, desk, np.arange(1))
            if self.settings.stories and record["teller"][0]:
                partners.post(writer, desk, np.arange(1), self._learning.vocabulary.vocabulary)

    # What it knows ---------------------------------------------------------------------------------------------------

    def _means(self, *, ledgers: bool = True) -> Means:
        return Means(
            self.settings,
            self._recipe,
            self._background,
            self._model,
            self._learning,
            self._recall,
            self._workers,
            ledgers,
        )

    def _survey(self, table: pa.Table) -> Survey:
        """Survey some articles as `find` does; by one thread, as the vocabulary grows on the way."""
        return survey(open_corpus(table), self._recipe, Workers(1), self._learning, self.settings)

    def _refresh(self, view: View) -> None:
        """Read what another process may have changed: what was learned, and when articles were published."""
        self._times = Times(int(view.get("meta", b"latest") or UNDATED), _present(_recent(view)))
        learned = (view.get("meta", b"learned") or b"").decode()
        if learned != self._learned_from:
            self._learning = learning.read(self._folder / learned, self._background)
            self._learned_from, self._recall = learned, Recall(self._survey)

    def _desk(self, view: View, table: pa.Table) -> Desk:
        surveyed = self._survey(table)
        records = np.zeros(len(table), catalog.RECORD)
        sketches, first = surveyed.sketches, int(view.get("meta", b"next") or 0)
        records["published"] = surveyed.published.cast(pa.int64()).fill_null(UNDATED).to_numpy()
        records["fingerprint"], records["checksum"] = sketches.fingerprints, _checksums(table)
        records["tokens"], records["words"] = sketches.tokens, surveyed.words
        records["part"] = catalog.part_of(records["published"])
        records["story"] = np.arange(first, first + len(table))
        for name in ("twin", "witness", "relation", "previous"):
            records[name] = NONE
        new = Newcomers(first, table, surveyed, records)
        records["sampled"] = np.diff(new.shingle_keys.places)
        return Desk(view, new, self._kept)

    def _nobody(self, view: View) -> Desk:
        """Return a desk for what is there, without newcomers."""
        none = FIELDS.empty_table()
        return Desk(view, Newcomers(1 << 62, none, self._survey(none), np.empty(0, catalog.RECORD)), self._kept)

    def _known(self, view: View, table: pa.Table, numbers: NDArray[np.int64], means: Means) -> dict[int, Verdict]:
        """Return the verdicts of the rows whose id is there, under one of ``numbers``, with the same text."""
        rows = np.flatnonzero(numbers != NONE)
        if not len(rows):
            return {}
        records = catalog.records(view, numbers[rows])
        rows = rows[(records["checksum"] == _checksums(table.take(pa.array(rows)))).all(axis=1)]
        told = known.verdicts(self._nobody(view), numbers[rows], means)
        return dict(zip(rows.tolist(), told, strict=True))

    def _superseded(self, writer: Writer, desk: Desk, earlier: NDArray[np.int64]) -> dict[int, int]:
        """Take the earlier versions of the newcomers out of what is searched; return them."""
        new = desk.newcomers
        new.records["previous"] = earlier
        both = zip(new.numbers.tolist(), earlier.tolist(), strict=True)
        previous = {number: version for number, version in both if version != NONE}
        if previous:
            going = np.array(sorted(previous.values()), np.int64)
            emptied = withdraw(writer, going, lambda heirs: self._repost(writer, heirs))
            self._count(writer, b"stories", -len(emptied))
            self._recall.forget(going.tolist())
            self._kept.forget_records()
        return previous

    # Counters --------------------------------------------------------------------------------------------------------

    def _note(
        self, writer: Writer, events: Sequence[dict[str, Any]], notes: Callable[[Sequence[int]], list[Note]]
    ) -> None:
        """Keep what happened, under the next cursors; ``notes`` says what articles are called."""
        cursor = int(writer.get("meta", b"events") or 0)
        numbers = sorted({event[name] for event in events for name in ("article", "story", "other") if name in event})
        names = {number: note.id for number, note in zip(numbers, notes(numbers), strict=True)}
        for cursor, event in enumerate(events, cursor + 1):  # noqa: B020  (goes on from there)
            told = {
                "kind": event["kind"],
                "id": event.get("id", names.get(event.get("article"))),
                "story_id": names.get(event["story"]),
                "other": names.get(event.get("other")),
            }
            writer.put("events", cursor, _written(told).encode())
        writer.put("meta", b"events", str(cursor).encode())

    def _count(self, writer: Writer, name: bytes, more: int) -> None:
        if more:
            writer.put("meta", name, str(int(writer.get("meta", name) or 0) + more).encode())

    def _mark_time(self, writer: Writer, published: NDArray[np.int64]) -> None:
        """Keep the times of the oldest and the latest article, and of the last that came."""
        dated = published[published != UNDATED]
        if len(dated):
            oldest = int(writer.get("meta", b"oldest") or UNDATED)
            low = int(dated.min()) if oldest == UNDATED else min(oldest, int(dated.min()))
            recent = np.concatenate([_recent(writer), dated])[-RECENT:]
            self._times = Times(max(self._times.latest, int(dated.max())), _present(recent))
            writer.put("meta", b"recent", recent.tobytes())
            self._put_bounds(writer, low, self._times.latest)

    def _put_bounds(self, writer: Writer, oldest: int, latest: int) -> None:
        writer.put("meta", b"oldest", str(oldest).encode())
        writer.put("meta", b"latest", str(latest).encode())

    def _leave_time(self, writer: Writer, outdated: list[int], published: NDArray[np.int64]) -> None:
        """Look for the oldest and the latest article again where one was an ``outdated`` version of a newcomer.

        ``published`` are the times of all newcomers, whose records are not written yet.
        """
        if outdated:
            gone = catalog.records(writer, np.array(outdated, np.int64))["published"]
            self._find_bounds(writer, np.setdiff1d(gone, published), outdated, published)
            self._times = self._times._replace(latest=int(writer.get("meta", b"latest") or UNDATED))

    def _find_bounds(
        self,
        writer: Writer,
        gone: NDArray[np.int64],
        outdated: Sequence[int] = (),
        more: NDArray[np.int64] | None = None,
    ) -> None:
        """Look for the oldest and the latest article again where one of them is among the times that are ``gone``.

        Versions that have a later one do not count, nor do those ``outdated``; the times of ``more`` articles do.
        """
        bounds = [int(writer.get("meta", name) or UNDATED) for name in (b"oldest", b"latest")]
        if not np.isin(bounds, gone).any():
            return
        known = np.fromiter(((number, *catalog.times(raw)) for number, raw in writer.scan("records")), _KNOWN)
        current = ~np.isin(known["number"], np.concatenate([known["previous"], np.array(outdated, np.int64)]))
        times = np.concatenate([known["published"][current], np.empty(0, np.int64) if more is None else more])
        dated = times[times != UNDATED].tolist()
        self._put_bounds(writer, min(dated, default=UNDATED), max(dated, default=UNDATED))


def _recent(view: View) -> NDArray[np.int64]:
    return np.frombuffer(view.get("meta", b"recent") or b"", np.int64)


def _present(recent: NDArray[np.int64]) -> int:
    """Return the time that articles without a date are taken to be of: a few wrong dates do not move the middle."""
    return int(np.sort(recent)[len(recent) // 2]) if len(recent) else UNDATED


# Settings ----------------------------------------------------------------------------------------------------------


def _header(shelf: Shelf) -> dict[str, Any] | None:
    with shelf.reading() as view:
        raw = view.get("meta", _HEADER)
    return None if raw is None else json.loads(raw)


def _founded(shelf: Shelf, folder: Path, settings: Settings | Mapping[str, Any] | None, *, readonly: bool) -> Settings:
    """Start an index with these settings, or the default ones."""
    if readonly:
        raise IndexStateError(f"{folder}: holds no index yet; `dedup add {folder} CORPUS` makes one")
    chosen = settings if isinstance(settings, Settings) else Settings.of(**(settings or {}))
    with shelf.writing() as writer:
        writer.put("meta", _HEADER, json.dumps({"version": VERSION, "settings": chosen.recorded()}).encode())
    return chosen


def _agreed(folder: Path, held: Mapping[str, Any], settings: Settings | Mapping[str, Any] | None) -> Settings:
    """Return the settings of an index; raises IndexStateError where others are asked for."""
    chosen = settings if isinstance(settings, Settings) else Settings.of(**{**held, **(settings or {})})
    asked = chosen.recorded()
    differ = [
        f"{name} is {held.get(name)!r} there and {asked[name]!r} here"
        for name in asked
        if held.get(name) != asked[name]
    ]
    if differ:
        raise IndexStateError(
            f"{folder}: made with other settings: {'; '.join(differ)}; leave them out, or name another folder"
        )
    return chosen


def _checksums(table: pa.Table) -> NDArray[np.uint64]:
    """Return 128 bits of every text as it came, (n, 2)."""
    digests = [xxhash.xxh3_128_digest((text or "").encode()) for text in table["text"].to_pylist()]
    return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)


def _earlier(view: View, record: Any) -> list[int]:
    """Return the earlier versions of an article, the latest first."""
    out = []
    while record["previous"] != NONE:
        out.append(int(record["previous"]))
        record = catalog.records(view, np.array(out[-1:]))[0]
    return out


def _moment(published: int) -> datetime | None:
    """Return a time as Python's, which ends where the years 1 and 9999 do."""
    if published == UNDATED:
        return None
    return _EPOCH + min(max(published, _EARLIEST), _LATEST) * _MICROSECOND


_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_EARLIEST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LATEST = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - _EPOCH) // _MICROSECOND
