"""The report as one HTML file: a template, its styles and its script, and the stories as one JSON island.

Nothing in the file comes from elsewhere and nothing is sent: its policy allows the one script and the one style sheet,
by hash. Text of strangers is escaped by the template, and by the island; the script makes text nodes of it.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.article import KINDS, RELATIONS
from dedup.audit import audit
from dedup.errors import CorpusError, MissingExtraError
from dedup.lookup import corpus_of, texts_of
from dedup.report import dossiers, terminal
from dedup.report.listing import listing
from dedup.report.overview import overview
from dedup.report.summary import has_stories, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from dedup.report.dossiers import Dossier
    from dedup.report.listing import Listing
    from dedup.report.overview import Overview
    from dedup.result import Result

BUDGET = 2_900_000  # bytes of the page, unless more is asked for or the list of stories alone is larger
LISTED = 20_000  # stories in the list
_LEAST_ROOM = 1_000_000  # bytes for the stories themselves, however long their list is
_MEMBERS_ROOM = 0.4  # of that room: the members without their texts
_CHARACTERS = 5  # of a text, for one byte of the page, beyond which no text is read: copies pack well
_LETTERS = 6  # a word, with the space behind it
_ESCAPES = (("<", "\\u003c"), (">", "\\u003e"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


@dataclass(frozen=True)
class Page:
    """A page, how many stories there are, and of how many it holds a row, the members, and texts to compare.

    ``noun`` is what they are called: copy groups, where only these were looked for. ``missing`` says why there are no
    texts, "" where there are.
    """

    html: str
    noun: tuple[str, str]
    there: int
    listed: int
    detailed: int
    compared: int
    missing: str


def page(result: Result, stories: int | None = None, source: str | None = None) -> Page:
    """Make the page of a result: the ``stories`` largest in detail, by default as many as fit :data:`BUDGET` bytes.

    Texts are read from the corpus that the result remembers, or from where it is now (``source``). Where it is gone,
    or a text there changed, the page goes without them. Raises CorpusError where ``source`` is given and is not that
    corpus, and MissingExtraError where Jinja2 is not installed.
    """
    template = _template()
    audited = audit(result.articles, result.spans)
    listed = listing(audited)
    count = min(len(listed), max(LISTED, stories or 0))
    view = overview(audited, listed)
    document = _document(audited, listed, view, count)
    shown = _shown(result, view, document)
    room = None
    if stories is None:
        size = len(template(**shown, island=_island(document), missing=False).encode())
        room = max(_LEAST_ROOM, BUDGET - size)
    chosen, details = _details(audited, listed, count if stories is None else min(count, stories), room)
    left = None if room is None else room - sum(map(_bytes, details))
    packs, missing = _texts(result, source, listed, chosen, left)
    packed = [*packs, *[""] * (len(details) - len(packs))]
    document["details"] = [{**detail, "texts": pack} for detail, pack in zip(details, packed, strict=True)]
    document["missing"] = bool(missing)
    html = template(**shown, island=_island(document), missing=bool(missing))
    return Page(html, shown["noun"], len(listed), count, len(details), len(packs), missing)


def _document(audited: pa.Table, listed: Listing, view: Overview, count: int) -> dict[str, Any]:
    """Return what the script reads, but for the stories in detail."""
    return {
        "kinds": KINDS,
        "relations": RELATIONS,
        "there": len(listed),
        "missing": False,
        "outlets": [dossiers.line(name, dossiers.NAME) for name in listed.outlets],
        "stories": dossiers.rows(audited, listed, count),
        "table": [[*outlet, *map(_percent, (outlet.own, outlet.own_at_most))] for outlet in view.outlets],
        "details": [],
    }


def _percent(part: float | None) -> int | None:
    return None if part is None else terminal.percent(part)


def _shown(result: Result, view: Overview, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template shows."""
    return {
        "told": summarise(result, 0),
        "view": view,
        "outlets": document["outlets"],
        "titles": document["stories"]["title"],
        "noun": ("story", "stories") if has_stories(result.settings) else ("copy group", "copy groups"),
        "notes": _notes(result),
        "version": result.version,
        "settings": sorted(result.settings.items()),
        "share": lambda part: terminal.share(part).replace(" ", "\N{NO-BREAK SPACE}"),
    }


def _template() -> Any:
    """Return a function that fills the template."""
    try:
        jinja = importlib.import_module("jinja2")
    except ModuleNotFoundError as error:
        message = "the HTML report needs Jinja2; install it with: pip install 'dedup[report]'"
        raise MissingExtraError(message) from error
    loader = jinja.PackageLoader("dedup.report", "templates")
    environment = jinja.Environment(loader=loader, autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True)
    environment.lstrip_blocks = True
    trusted = {
        name: environment.loader.get_source(environment, file)[0]
        for name, file in (("style", "page.css"), ("script", "page.js"))
    }
    markup = importlib.import_module("markupsafe").Markup
    hashes = {f"{name}_hash": _hash(code) for name, code in trusted.items()}
    own = {name: markup(code) for name, code in trusted.items()}

    def fill(*, island: str, **shown: Any) -> str:
        return str(environment.get_template("page.html").render(**shown, **own, **hashes, island=markup(island)))

    return fill


def _hash(code: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}"


def _island(document: Mapping[str, Any]) -> str:
    """Return JSON that no text can leave: nothing in it looks like a tag."""
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in _ESCAPES:
        plain = plain.replace(character, escape)
    return plain


def _bytes(document: Mapping[str, Any]) -> int:
    return len(_island(document).encode())


def _notes(result: Result) -> list[str]:
    lines = terminal.notes(result.counters, result.settings, 1 << 16, len(result.articles))
    return [line.plain.strip() for line in lines][2:]


# What is told of the largest stories ------------------------------------------------------------------------------


def _details(
    audited: pa.Table, listed: Listing, count: int, room: int | None
) -> tuple[list[Dossier], list[dict[str, Any]]]:
    """Return the largest stories with their members: so many, or as many as there is room for."""
    left = float("inf") if room is None else room * _MEMBERS_ROOM
    chosen: list[Dossier] = []
    details: list[dict[str, Any]] = []
    for story in range(count):
        dossier = dossiers.dossier(audited, listed, story)
        detail = dossiers.members(audited, listed, dossier)
        left -= _bytes(detail)
        if left < 0:
            break
        chosen.append(dossier)
        details.append(detail)
    return chosen, details


def _texts(
    result: Result, source: str | None, listed: Listing, chosen: Sequence[Dossier], room: int | None
) -> tuple[list[str], str]:
    """Return the packed texts of as many stories as there is room for, and why there are none."""
    wanted = list(_readable(listed, chosen, room))
    if not wanted:
        return [], ""
    try:
        corpus = corpus_of(result, source)
        ids = result.articles["id"].take(np.concatenate([story.rows[story.texts] for story in wanted]))
        originals = texts_of(result, corpus, ids.to_pylist())
    except CorpusError as error:
        if source is not None:
            raise
        return [], str(error)
    return list(_packed(result, wanted, originals, room)), ""


def _readable(listed: Listing, chosen: Sequence[Dossier], room: int | None) -> Iterator[Dossier]:
    """Yield the stories whose texts may fit into the room."""
    left = float("inf") if room is None else room * _CHARACTERS
    words = listed.counts.sum(1)
    for story in chosen:
        left -= float(words[story.rows[story.texts]].sum()) * _LETTERS
        if left < 0:
            return
        yield story


def _packed(
    result: Result, chosen: Sequence[Dossier], originals: Mapping[str, str | None], room: int | None
) -> Iterator[str]:
    left = float("inf") if room is None else room
    for marked, matches in dossiers.texts(result, chosen, originals):
        pack = dossiers.packed(marked, matches)
        left -= len(pack)
        if left < 0:
            return
        yield pack
