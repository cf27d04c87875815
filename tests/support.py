"""Texts, corpora and shorthand for the tests; every hypothesis strategy is here."""
# ruff: noqa: RUF001  (look-alikes are the point)

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import oracle
import pyarrow as pa
from hypothesis import strategies as st

from dedup import text
from dedup.settings import Settings
from dedup.sketch import Recipe, Sketches, sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dedup.result import Result

ROOT = Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------------------------------------------------- strategies

# What the tokeniser has a rule for, and what has gone wrong elsewhere.
_TRICKY = [
    *"aZ09'`´ʼ’‘＇\u1ffd -.,\r\n\t\0_",
    *"éßŉıİΣςǅﬁﬃ½Ⅷ²㎏℃™ªº№\u2044",
    *"\u0301\u0308\u0316\u0345\u05b0\u0e31\u0e48\u093f\u094d\u3099\u20dd\u20e3\u034f",  # marks
    *"\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f\U000e0100",
    *"中文字々〇ーかがカガｶﾞ゙ｰ㌖㍿ㄅไทยກខမ\U00020000\U0002f800",
    *"각\u1100\u1161\u11a8한",
    *"👍🏽👨\u200d👩🇩🇪",
    *"\ufdfa\ufb03\u0149\uff40\u1fef\u1fc1\u0390\u01c5\u1e9e\u0130",
]
characters = st.one_of(st.sampled_from(_TRICKY), st.characters(exclude_categories=("Cs", "Cn")))
any_text = st.text(characters, max_size=30)
ascii_text = st.text(st.characters(max_codepoint=127), max_size=80)
words = st.sampled_from(
    ["the", "a", "of", "storm", "harbour", "bridge", "don't", "2026", "wire", "küste", "ﬁre", "橋", "ー", "naïve"]
)
# Few words, so that texts share shingles, and repeat them.
sentences = st.lists(words, max_size=60).map(" ".join)


# ----------------------------------------------------------------------------------------------------------- tokenising


def column(texts: Iterable[str | None]) -> pa.LargeStringArray:
    return pa.array(list(texts), pa.large_string())


def tokens_of(texts: Sequence[str | None]) -> list[list[int]]:
    """Return the token hashes of every text."""
    tokens = text.tokenise(text.views(column(texts)))
    return [tokens.hashes[tokens.of(index)].tolist() for index in range(len(texts))]


class Place(NamedTuple):
    """A token's hash and its characters in the text."""

    hash: int
    start: int
    end: int


def places_of(texts: Sequence[str]) -> list[list[Place]]:
    """Return the tokens of every text with their places in characters."""
    tokens = text.tokenise(text.views(column(texts)))
    return [
        [
            Place(int(tokens.hashes[i]), _characters(original, tokens.starts[i]), _characters(original, tokens.ends[i]))
            for i in range(*tokens.of(number).indices(len(tokens.hashes)))
        ]
        for number, original in enumerate(texts)
    ]


def _characters(original: str, place: int) -> int:
    return len(original.encode()[:place].decode())


RECIPE = Recipe(size=5, permutations=128, seed=1, bands=21, rows=6, sample=8)


def sketches(texts: Iterable[str | None], recipe: Recipe = RECIPE) -> Sketches:
    return sketch(column(texts), recipe)


# -------------------------------------------------------------------------------------------------------------- corpora

_SYLLABLES = ["ba", "co", "du", "fe", "gi", "lo", "mu", "ne", "pa", "qui", "ro", "su", "ta", "blö", "ét"]
VOCABULARY = [first + second for first in _SYLLABLES for second in _SYLLABLES]
_START = datetime(2026, 3, 1, tzinfo=UTC)


def prose(random: np.random.Generator, count: int) -> list[str]:
    """Draw ``count`` words."""
    return [VOCABULARY[i] for i in random.integers(len(VOCABULARY), size=count)]


def _edited(random: np.random.Generator, base: list[str], edits: int) -> list[str]:
    changed = list(base)
    for place in random.integers(len(base), size=edits):
        changed[place] = prose(random, 1)[0]
    return changed


def _variant(random: np.random.Generator, base: list[str], other: list[str]) -> str:
    """Copy ``base`` as an outlet might."""
    cut = int(random.integers(len(base)))
    before, after = (prose(random, int(random.integers(1, 50))) for _ in range(2))
    variants = (
        base,
        [f"{', '.join(base).upper()}."],  # the same tokens in other dress
        base[: max(cut, len(base) // 3)],  # trimmed
        [*before, *base, *after],  # with local paragraphs
        _edited(random, base, int(random.integers(1, 8))),
        [*base[cut:], *base[:cut]],  # paragraphs moved
        [*base, *other],  # two wires in one round-up
        [*base, *base[: len(base) // 2]],  # says it twice
    )
    return " ".join(variants[int(random.integers(len(variants)))])


def corpus(seed: int, stories: int = 6, copies: int = 5) -> pa.Table:
    """Build a corpus with planted copies, trims and edits, dates that tie or miss, and articles that hold nothing."""
    random = np.random.default_rng(seed)
    bases = [prose(random, int(random.integers(20, 120))) for _ in range(stories)]
    texts: list[str | None] = [" ".join(base) for base in bases]
    for number, base in enumerate(bases):
        other = bases[int(random.integers(stories))]
        texts += [_variant(random, base, other) for _ in range(int(random.integers(copies + 1)))]
        texts.append(" ".join(_edited(random, base, 3 + 5 * number)))
    texts += [
        None,
        None,
        "",
        "...",
        "No text.",
        "No text.",
        "one two three four",
        "港で橋が壊れた。" * 8,
        "港で橋が壊れた。" * 8 + "朝",
    ]
    order = random.permutation(len(texts))
    hours = [None if random.random() < 0.2 else int(random.integers(12)) for _ in texts]
    return pa.table(
        {
            "id": [f"{int(i):03}" for i in random.permutation(len(texts))],
            "text": pa.array([texts[i] for i in order], pa.string()),
            "title": [f"Title {i % 7}" for i in order],
            "source": [f"outlet {i % 4}" for i in order],
            "published": pa.array(
                [None if hour is None else _START + timedelta(hours=hour) for hour in hours],
                pa.timestamp("s", tz="UTC"),
            ),
        }
    )


# Nothing but copies, all text the articles' own: what the oracle of copies knows.
COPIES = {"stories": False, "boilerplate": False, "workers": 2}
# Settings under which every pair that matches is a candidate: a shared minimum or a third of the keys, and no cap.
THOROUGH = {"bands": 128, "rows": 1, "sample": 1, "cap": 1 << 20, "compared": 1 << 20, "excerpt_shingles": 12}


def copies_only(**values: Any) -> Settings:
    return Settings.of(**(COPIES | values))


def thorough(**values: Any) -> Settings:
    return Settings.of(**(COPIES | THOROUGH | values))


def expected(table: pa.Table, settings: Settings) -> oracle.Findings:
    """Return what the oracle says of a table; texts of equal length rank by the product's fingerprint."""
    texts = table["text"].to_pylist()
    prints = sketches(texts).fingerprints
    by_text = {tuple(oracle.words(t or "")): (int(p[0]), int(p[1])) for t, p in zip(texts, prints, strict=True)}
    published = [None if when is None else when.timestamp() for when in table["published"].to_pylist()]
    articles = [oracle.Article(*row) for row in zip(table["id"].to_pylist(), texts, published, strict=True)]
    rule = oracle.Rule(settings.near, settings.excerpt, settings.excerpt_shingles, settings.shingle)
    return oracle.find(articles, rule, by_text.__getitem__)


# ------------------------------------------------------------------------------------------------------------ results

_KEYS = {"articles": ["id"], "matches": ["left", "right"], "spans": ["id", "start", "end"]}
Rows = list[dict[str, Any]]


def tables_of(result: Result) -> dict[str, Rows]:
    """Return the three tables as rows in an order that no input order shows in."""
    return {
        name: sorted(getattr(result, name).to_pylist(), key=lambda row: [row[key] for key in keys])
        for name, keys in _KEYS.items()
    }


def groups_of(result: Result) -> set[frozenset[str]]:
    """Return the copy groups of two and more."""
    members: dict[str, set[str]] = {}
    for row in result.articles.to_pylist():
        members.setdefault(row["copy_id"], set()).add(row["id"])
    return {frozenset(ids) for ids in members.values() if len(ids) > 1}


def stories_of(result: Result) -> set[frozenset[str]]:
    """Return the stories of two and more."""
    members: dict[str, set[str]] = {}
    for row in result.articles.to_pylist():
        members.setdefault(row["story_id"], set()).add(row["id"])
    return {frozenset(ids) for ids in members.values() if len(ids) > 1}


def token_bounds(original: str) -> NDArray[np.int64]:
    """Return (tokens, 2): where the oracle's tokens start and end."""
    return np.array([(token.start, token.end) for token in oracle.tokens(original)], np.int64).reshape(-1, 2)


def assigned() -> list[str]:
    """Return every assigned character but the surrogates, and of each run of alike ideographs only the ends."""
    blocks = (
        (0x3400, 0x4DC0),
        (0x4E00, 0xA000),
        (0xAC00, 0xD7A4),
        (0xE000, 0xF900),
        (0x20000, 0x2F800),
        (0x30000, 0x323B0),
    )
    inside = {point for start, end in (*blocks, (0xF0000, 0x110000)) for point in range(start + 3, end - 3)}
    points = (point for point in range(0x110000) if point not in inside)
    return [chr(point) for point in points if unicodedata.category(chr(point)) not in ("Cs", "Cn")]


# ---------------------------------------------------------------------------------------------------------------- laws


def check_laws(table: pa.Table, result: Result) -> None:
    """Assert what holds of every result, whatever the corpus and the settings."""
    texts = {str(id_): text or "" for id_, text in zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)}
    articles = {row["id"]: row for row in result.articles.to_pylist()}
    assert result.articles["id"].to_pylist() == list(texts)
    _check_articles(articles, result.matches.to_pylist())
    _check_groups(articles, "copy_id")
    _check_groups(articles, "story_id")
    _check_matches(articles, result.matches.to_pylist())
    _check_spans(texts, articles, result.spans.to_pylist())


def _early(row: dict[str, Any]) -> tuple[bool, float, str]:
    """Sort by (published, id), undated last."""
    return row["published"] is None, row["published"].timestamp() if row["published"] else 0.0, row["id"]


def _check_groups(articles: dict[str, dict[str, Any]], kind: str) -> None:
    """Assert that a group is named after its first article, and that a match admits all but one of its articles."""
    members: dict[str, Rows] = {}
    for row in articles.values():
        members.setdefault(row[kind], []).append(row)
    for name, rows in members.items():
        assert min(rows, key=_early)["id"] == name
        wanted = {"copy_id": ("rewrite", None), "story_id": (None,)}[kind]
        (foremost,) = [row for row in rows if row["relation"] in wanted]
        assert foremost["copy_id"] == articles[name]["copy_id"]


SHARES = ("boilerplate", "copied", "reworded", "unique")


def _check_articles(articles: dict[str, dict[str, Any]], matches: Rows) -> None:
    for row in articles.values():
        assert abs(sum(row[share] for share in SHARES) - 1) <= 1e-9
        assert all(0 <= row[share] <= 1 for share in SHARES)
        assert abs(row["copied"] + row["reworded"] - row["shared"]) <= 1e-9
        assert row["borrowed"] is None or 0 <= row["borrowed"] <= row["shared"] + 1e-9
        assert (row["origin_id"] is None) == (row["origin_confidence"] is None)
        for name in ("first_id", "origin_id"):
            assert row[name] is None or articles[row[name]]["story_id"] == row["story_id"]
        assert row["origin_confidence"] is None or 0 < row["origin_confidence"] <= 1
        assert (row["role"] == "original") == (row["origin_id"] == row["id"])
        assert (row["witness_id"] is None) == (row["relation"] is None) == (row["score"] is None)
    wanted = [row for row in articles.values() if row["witness_id"] is not None]
    made = {admission for row in matches for admission in _admissions(articles, row)}
    for row in wanted:
        assert articles[row["witness_id"]]["story_id"] == row["story_id"]
        whom = row["copy_id"] if row["relation"] == "rewrite" else row["id"]
        assert (row["witness_id"], whom, row["relation"], row["score"]) in made


def _admissions(articles: dict[str, dict[str, Any]], match: dict[str, Any]) -> list[tuple[str, str, str, float]]:
    """Return whom a match may admit, as (witness, whom, relation, score): to a story a whole copy group."""
    left, right, relation = match["left"], match["right"], match["relation"]
    if relation != "rewrite":
        score = match["containment_right_in_left" if relation == "excerpt" else "resemblance"]
        return [(left, right, relation, score)]
    both = [(left, articles[right]["copy_id"]), (right, articles[left]["copy_id"])]
    return [(witness, group, relation, match["story_score"]) for witness, group in both]


def own_words(row: dict[str, Any]) -> int:
    """Return how many words of an article are not boilerplate."""
    return int(row["words"] - round(row["boilerplate"] * row["words"]))


OVERLAPS = ("resemblance", "containment_left_in_right", "containment_right_in_left")


def _check_matches(articles: dict[str, dict[str, Any]], matches: Rows) -> None:
    for row in matches:
        left, right = articles[row["left"]], articles[row["right"]]
        assert left["id"] != right["id"]
        if row["relation"] == "rewrite":
            assert left["story_id"] == right["story_id"]
            assert [row[name] for name in OVERLAPS] == [None] * 3
            assert 0 <= row["story_score"] <= 1
            assert _early(left) < _early(right)
            continue
        assert row["story_score"] is None  # a text may hold two wires, and be in the copy group of one
        assert own_words(left) >= own_words(right)
        assert 0 <= row["resemblance"] <= min(row[OVERLAPS[1]], row[OVERLAPS[2]])
        assert max(row[OVERLAPS[1]], row[OVERLAPS[2]]) <= 1
        if row["relation"] == "identical":
            assert row["resemblance"] == 1


def _check_spans(texts: dict[str, str], articles: dict[str, dict[str, Any]], spans: Rows) -> None:
    sizes: dict[str, int] = {}
    for row in articles.values():
        sizes[row["story_id"]] = sizes.get(row["story_id"], 0) + 1
    wanted = {row["id"] for row in articles.values() if sizes[row["story_id"]] > 1 and row["words"]}
    assert {row["id"] for row in spans} == wanted
    last = ("", 0)
    for row in sorted(spans, key=lambda row: (row["id"], row["start"])):
        own = texts[row["id"]]
        assert 0 <= row["start"] < row["end"] <= len(own)
        assert last[0] != row["id"] or last[1] <= row["start"]
        last = row["id"], row["end"]
        if row["kind"] in ("unique", "boilerplate"):
            assert row["other_id"] is row["other_start"] is row["other_end"] is row["score"] is None
            continue
        assert row["kind"] in ("copied", "reworded")
        assert row["other_id"] != row["id"]
        assert articles[row["other_id"]]["story_id"] == articles[row["id"]]["story_id"]
        assert 0 <= row["other_start"] < row["other_end"] <= len(texts[row["other_id"]])
        if row["kind"] == "reworded":
            assert 0 < row["score"] <= 1
            continue
        assert row["score"] == 1.0
        here = oracle.words(own[row["start"] : row["end"]])
        assert here == oracle.words(texts[row["other_id"]][row["other_start"] : row["other_end"]])
    counted: dict[tuple[str, str], int] = {}
    for row in spans:
        key = row["id"], row["kind"]
        counted[key] = counted.get(key, 0) + len(oracle.words(texts[row["id"]][row["start"] : row["end"]]))
    for (id_, kind), count in counted.items():
        assert abs(articles[id_][kind] * articles[id_]["words"] - count) < 1e-6
