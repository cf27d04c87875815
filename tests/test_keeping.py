"""The corpus without its copies: what is kept, what is dropped and why, and that nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, corpus, prose

import dedup
from dedup import cli
from dedup.keeping import DROPPED, GROUPS, PREFERENCES, choose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Rows = list[dict[str, Any]]

RUN = "from dedup.cli import main; main(prog_name='dedup')"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def found(folder: Path, table: pa.Table, **options: Any) -> Path:
    """Write a corpus of two files and three row groups, and what is found in it."""
    (folder / "corpus").mkdir()
    half = len(table) // 2
    pq.write_table(table.slice(0, half), folder / "corpus" / "1.parquet", row_group_size=half // 2 + 1)
    pq.write_table(table.slice(half), folder / "corpus" / "2.parquet")
    dedup.find(folder / "corpus", **options).write(folder / "out")
    return folder / "out"


def kept(out: Path, *options: str | Path) -> tuple[pa.Table, Rows]:
    """Keep, and return what was kept and what was dropped."""
    target, dropped = out.parent / "kept.parquet", out.parent / "dropped.parquet"
    done = run("keep", out, "-o", target, "--dropped", dropped, *options)
    assert (done.exit_code, done.stderr) == (0, f"Written to {target} and {dropped}\n")
    table = pq.read_table(dropped)
    assert table.schema.equals(DROPPED)
    return pq.read_table(target), table.to_pylist()


def check_laws(result: dedup.Result, per: str, kept_ids: list[str], dropped: Rows) -> None:
    """Assert that what is kept and what was dropped are all articles, and that one of each group is kept."""
    assert sorted([*kept_ids, *(row["id"] for row in dropped)]) == sorted(result.articles["id"].to_pylist())
    group = dict(zip(result.articles["id"].to_pylist(), result.articles[f"{per}_id"].to_pylist(), strict=True))
    assert sorted(group[one] for one in kept_ids) == sorted(set(group.values()))
    assert all(group[row["id"]] == group[row["kept_id"]] for row in dropped)
    assert {row["kept_id"] for row in dropped} <= set(kept_ids)


# Laws -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per", GROUPS)
@pytest.mark.parametrize("prefer", ["first", "longest", "origin", "source=outlet 2,outlet 0"])
def test_one_article_of_each_group_is_kept_as_it_was(per: str, prefer: str, tmp_path: Path) -> None:
    table = corpus(3)
    out = found(tmp_path, table)
    result = dedup.Result.read(out)
    rows, dropped = kept(out, "--per", per, "--prefer", prefer)
    check_laws(result, per, rows["id"].to_pylist(), dropped)
    assert len(dropped) > 10
    originals = {row["id"]: row for row in table.to_pylist()}
    assert rows.to_pylist() == [originals[one] for one in table["id"].to_pylist() if one in set(rows["id"].to_pylist())]
    assert rows.schema == pq.read_schema(tmp_path / "corpus" / "1.parquet")


@given(st.integers(0, 1000), st.sampled_from(GROUPS), st.sampled_from(PREFERENCES))
@pytest.mark.no_cover
def test_laws_of_a_choice(seed: int, per: str, prefer: str) -> None:
    result = _results(seed % 4)
    wanted = [f"outlet {n}" for n in np.random.default_rng(seed).permutation(5)[:3]]
    choice = choose(result, per=per, prefer=prefer, sources=wanted)
    ids = result.articles["id"].to_numpy()[choice.keeps].tolist()
    check_laws(result, per, ids, choice.dropped.to_pylist())
    articles = {row["id"]: row for row in result.articles.to_pylist()}
    for row in choice.dropped.to_pylist():
        one, other = articles[row["kept_id"]], articles[row["id"]]
        assert _key(one, prefer, wanted) < _key(other, prefer, wanted)
        assert row["relation"] == _relation(result, row["kept_id"], row["id"])


_KNOWN: dict[int, dedup.Result] = {}


def _results(seed: int) -> dedup.Result:
    if seed not in _KNOWN:
        _KNOWN[seed] = dedup.find(corpus(seed))
    return _KNOWN[seed]


def _key(row: dict[str, Any], prefer: str, wanted: list[str]) -> tuple[Any, ...]:
    """Return what the rule says of an article, the smallest of which is kept."""
    first = (row["published"] is None, row["published"] or datetime.max.replace(tzinfo=UTC), row["id"])
    rules: dict[str, Callable[[], int]] = {
        "first": lambda: 0,
        "longest": lambda: -(row["words"] - round(row["boilerplate"] * row["words"])),
        "origin": lambda: row["origin_id"] != row["id"],
        "source": lambda: wanted.index(row["source"]) if row["source"] in wanted else len(wanted),
    }
    return rules[prefer](), first


def _relation(result: dedup.Result, one: str, other: str) -> str | None:
    """Return how two articles match: themselves, or texts that are identical to theirs."""
    twins: dict[str, set[str]] = {}
    for row in result.matches.to_pylist():
        if row["relation"] == "identical":
            both = twins.get(row["left"], {row["left"]}) | twins.get(row["right"], {row["right"]})
            twins |= dict.fromkeys(both, both)
    ones, others = twins.get(one, {one}), twins.get(other, {other})
    if ones == others:
        return "identical"
    found = {
        row["relation"]
        for row in result.matches.to_pylist()
        if {row["left"], row["right"]} & ones and {row["left"], row["right"]} & others
    }
    return next((name for name in ("identical", "near", "excerpt", "rewrite") if name in found), None)


def test_first_keeps_what_groups_are_named_after(sample: Path, tmp_path: Path) -> None:
    result = dedup.find(sample)
    result.write(tmp_path / "out")
    for per in GROUPS:
        rows, _ = kept(tmp_path / "out", "--per", per)
        assert set(rows["id"].to_pylist()) == set(result.articles[f"{per}_id"].to_pylist())
    rows, dropped = kept(tmp_path / "out", "--per", "story", "--prefer", "origin")
    origins = set(result.articles["origin_id"].drop_null().to_pylist())
    assert origins <= set(rows["id"].to_pylist())
    assert {row["reason"] for row in dropped} >= {"not the origin"}


# Rules ----------------------------------------------------------------------------------------------------------------

_TEXT = prose(np.random.default_rng(5), 80)
_DAY = datetime(2026, 3, 3, tzinfo=UTC)


def four(**columns: list[Any]) -> dedup.Result:
    """Return a result of one copy group: a and b are identical, c is longer, d undated."""
    texts = [_TEXT, _TEXT, [*_TEXT, "and", "more"], _TEXT[:-3]]
    table = {
        "id": ["a", "b", "c", "d"],
        "text": [" ".join(text) for text in texts],
        "published": [_DAY + timedelta(hours=2), _DAY + timedelta(hours=1), _DAY + timedelta(hours=2), None],
        "source": ["One", "Two", "Three, The", None],
    }
    result = dedup.find(pa.table(table | columns))
    assert len(result.articles["copy_id"].unique()) == 1
    return result


def chosen(result: dedup.Result, prefer: str = "first", *sources: str) -> dict[str, tuple[str, str]]:
    """Return of each dropped article the one that is kept and why."""
    dropped = choose(result, prefer=prefer, sources=sources).dropped.to_pylist()
    return {row["id"]: (row["kept_id"], row["reason"]) for row in dropped}


def test_first() -> None:
    later = ("b", "published later")
    assert chosen(four()) == {"a": later, "c": later, "d": ("b", "no time of publication")}
    tie = ("a", "same time, its id sorts later")
    assert chosen(four(published=[_DAY] * 4)) == dict.fromkeys("bcd", tie)
    assert chosen(four(published=pa.nulls(4, pa.timestamp("us", "UTC")))) == dict.fromkeys("bcd", tie)


def test_longest() -> None:
    assert chosen(four(), "longest") == dict.fromkeys("abd", ("c", "shorter"))
    same = four(text=[" ".join(_TEXT)] * 4)
    assert chosen(same, "longest") == chosen(same)


def test_source() -> None:
    assert chosen(four(), "source", "Nobody", "Three, The") == dict.fromkeys("abd", ("c", "outlet less wanted"))
    assert chosen(four(), "source", "One", "Two") == dict.fromkeys("bcd", ("a", "outlet less wanted"))
    both = four(source=["One", "One", "Two", None])
    assert chosen(both, "source", "One")["a"] == ("b", "published later")


def test_an_outlet_with_a_comma_is_quoted(tmp_path: Path) -> None:
    out = found(tmp_path, pa.table({"id": ["a", "b"], "text": [" ".join(_TEXT)] * 2, "source": ["One", "Three, The"]}))
    rows, _ = kept(out, "--prefer", 'source=Nobody, "Three, The"')
    assert rows["id"].to_pylist() == ["b"]


# All columns as they were ---------------------------------------------------------------------------------------------


def test_own_names_types_and_nested_columns_are_kept(tmp_path: Path) -> None:
    table = pa.table(
        {
            "a.b": pa.array([1, 2, None, 4], pa.int8()),
            "key": pa.array([1, 2, 3, 4], pa.int32()),
            "body": pa.array([" ".join(_TEXT)] * 3 + ["Another text."], pa.large_string()),
            "tags": [["x", None], [], None, ["y"]],
            "nested": [{"n": [{"deep": 1.5}]}, None, {"n": None}, {"n": []}],
            "map": pa.array([[("k", 1)], [], None, [("k", 2)]], pa.map_(pa.string(), pa.int64())),
            "kind": pa.array(["u", "v", None, "u"]).dictionary_encode(),
            "blob": [b"\xff", b"", None, b"\x00"],
            "id": ["not", "the", "id", "column"],
        }
    ).replace_schema_metadata({"made": "by hand"})
    out = found(tmp_path, table, columns={"id": "key", "text": "body"})
    rows, dropped = kept(out)
    given = pq.read_table(tmp_path / "corpus")
    assert rows.schema.equals(given.schema, check_metadata=True)
    assert rows.equals(given.take([0, 3]))
    assert [(row["id"], row["kept_id"], row["relation"]) for row in dropped] == [
        ("2", "1", "identical"),
        ("3", "1", "identical"),
    ]


def test_files_of_different_columns(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    text = " ".join(_TEXT)
    pq.write_table(
        pa.table({"id": ["a", "b"], "text": [text] * 2, "n": pa.array([1, 2], pa.int16())}),
        tmp_path / "corpus/1.parquet",
    )
    pq.write_table(
        pa.table(
            {"more": ["m"], "text": [None], "n": [3], "id": ["c"]},
            schema=pa.schema([("more", pa.string()), ("text", pa.string()), ("n", pa.int64()), ("id", pa.string())]),
        ),
        tmp_path / "corpus/2.parquet",
    )
    pq.write_table(
        pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), tmp_path / "corpus/3.parquet"
    )
    dedup.find(tmp_path / "corpus").write(tmp_path / "out")
    rows, _ = kept(tmp_path / "out")
    assert rows.to_pylist() == [
        {"id": "a", "text": text, "n": 1, "more": None},
        {"id": "c", "text": None, "n": 3, "more": "m"},
    ]
    pq.write_table(pa.table({"id": ["d"], "text": ["x"], "n": [["list"]]}), tmp_path / "corpus/4.parquet")
    dedup.find(tmp_path / "corpus").write(tmp_path / "out")
    done = run("keep", tmp_path / "out", "-o", tmp_path / "new.parquet")
    assert done.exit_code == 1
    assert f"{tmp_path}/corpus/4.parquet: its columns are not those of the files before it (" in done.stderr


def test_many_rows_stay_in_order_over_row_groups(tmp_path: Path) -> None:
    count = 50_000
    texts = [f"number{n} " + " ".join(_TEXT[:6]) if n % 5 else None for n in range(count)]
    out = found(tmp_path, pa.table({"id": [f"{n:05}" for n in range(count)], "text": texts}))
    rows, dropped = kept(out)
    assert len(rows) + len(dropped) == count
    assert rows["id"].to_pylist() == sorted(rows["id"].to_pylist())
    assert pq.read_metadata(tmp_path / "kept.parquet").num_row_groups == 3


def test_a_corpus_without_articles(tmp_path: Path) -> None:
    out = found(tmp_path, pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}))
    rows, dropped = kept(out)
    assert (len(rows), dropped) == (0, [])


# Where the corpus is, and what it is now ------------------------------------------------------------------------------


def refused(out: Path, *options: str | Path) -> str:
    target = out.parent / "new" / "kept.parquet"
    target.parent.mkdir(exist_ok=True)
    done = run("keep", out, "-o", target, *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert list(target.parent.iterdir()) == []
    return done.stderr.removeprefix("dedup: error: ").rstrip("\n")


def test_a_result_of_a_table_needs_its_corpus(tmp_path: Path) -> None:
    table = corpus(2)
    dedup.find(table).write(tmp_path / "out")
    assert "was made from a table in memory; say where its corpus is (--corpus)" in refused(tmp_path / "out")
    pq.write_table(table, tmp_path / "news.parquet")
    rows, dropped = kept(tmp_path / "out", "--corpus", tmp_path / "news.parquet")
    assert len(rows) + len(dropped) == len(table)


def test_a_corpus_that_moved_or_is_in_another_order(tmp_path: Path) -> None:
    table = corpus(2)
    out = found(tmp_path, table)
    before, dropped = kept(out)
    (tmp_path / "corpus").rename(tmp_path / "moved")
    assert "say where the corpus of the result is now (--corpus)" in refused(out)
    (tmp_path / "moved" / "1.parquet").rename(tmp_path / "moved" / "3.parquet")
    after, dropped_after = kept(out, "--corpus", tmp_path / "moved")
    assert dropped_after == dropped
    assert sorted(after["id"].to_pylist()) == sorted(before["id"].to_pylist())
    assert after["id"].to_pylist() != before["id"].to_pylist()


def test_a_corpus_that_changed(tmp_path: Path) -> None:
    table = corpus(2)
    out = found(tmp_path, table)
    file, half = tmp_path / "corpus" / "2.parquet", table.slice(len(table) // 2)
    changed = f"{tmp_path}/corpus: changed since the result was made: "
    ids = half["id"].to_pylist()
    pq.write_table(half.slice(2), file)
    assert refused(out) == f"{changed}2 ids less ({ids[0]!r}, ...); run `dedup find` again"
    pq.write_table(half.set_column(0, "id", pa.array(["new", *ids[1:]])), file)
    assert refused(out) == f"{changed}1 id more ('new') and 1 id less ({ids[0]!r}); run `dedup find` again"
    pq.write_table(pa.concat_tables([half, half.slice(0, 1)]), file)
    assert refused(out) == f"{changed}1 id twice; run `dedup find` again"


def test_a_result_without_stories(tmp_path: Path) -> None:
    out = found(tmp_path, corpus(2), settings=dedup.Settings(stories=False))
    assert "the result has no stories; make it without --no-stories" in refused(out, "--per", "story")
    check_laws(dedup.Result.read(out), "copy", *_ids(kept(out)))


def _ids(both: tuple[pa.Table, Rows]) -> tuple[list[str], Rows]:
    return both[0]["id"].to_pylist(), both[1]


# The command ----------------------------------------------------------------------------------------------------------


def test_the_summary(sample: Path, tmp_path: Path) -> None:
    dedup.find(sample).write(tmp_path / "out")
    done = run("keep", tmp_path / "out", "-o", tmp_path / "kept.parquet")
    assert done.stdout == (
        "148 articles: 94 kept, 54 dropped, from 14 copy groups\n"
        "  match with the kept one: 36 excerpt, 14 identical, 4 near\n"
        "  why the other was kept: 54 published later\n"
    )
    told = json.loads(run("keep", tmp_path / "out", "-o", tmp_path / "kept.parquet", "--per", "story", "--json").stdout)
    assert list(told) == ["per", "articles", "kept", "dropped", "groups", "relations", "reasons"]
    assert told["kept"] + told["dropped"] == told["articles"] == 148
    assert sum(told["relations"].values()) == sum(told["reasons"].values()) == told["dropped"]
    assert told["groups"] == 16


@pytest.mark.parametrize("rule", ["best", "source", "source=", "source=,", "first=x", ""])
def test_a_rule_that_is_none(rule: str, tmp_path: Path) -> None:
    done = run("keep", tmp_path, "-o", tmp_path / "kept.parquet", "--prefer", rule)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{rule!r} is not first, longest, origin or source=NAME[,NAME...]" in done.stderr


def test_an_outlet_that_is_not_there(tmp_path: Path) -> None:
    out = found(tmp_path, corpus(2).set_column(3, "source", pa.array(["\x1b[31mred"] * len(corpus(2)))))
    message = refused(out, "--prefer", "source=Nobody")
    assert message == "no article is of the outlet 'Nobody'; the outlets of the result are: '\\x1b[31mred'"


def test_outputs_where_they_do_harm_are_refused(tmp_path: Path) -> None:
    out = found(tmp_path, corpus(2))
    before = sorted(tmp_path.rglob("*"))
    good = tmp_path / "kept.parquet"
    wrong: tuple[list[str | Path], ...] = (
        ["-o", out / "kept.parquet"],
        ["-o", tmp_path / "corpus" / "3.parquet"],
        ["-o", good, "--dropped", out],
    )
    for options in wrong:
        done = run("keep", out, *options)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
    assert run("keep", out, "-o", good, "--dropped", good).exit_code == 2
    dedup.find(f"{tmp_path}/corpus/*.parquet").write(out)
    assert "is of the corpus" in run("keep", out, "-o", tmp_path / "corpus" / "3.parquet").stderr
    assert sorted(tmp_path.rglob("*")) == before


FULL_DISK = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))
{RUN}
"""
INTERRUPTED = f"""
import os, signal
from dedup import keeping
written = keeping.write_kept
def interrupting(*arguments, **options):
    written(*arguments, **options)
    os.kill(os.getpid(), signal.SIGINT)
keeping.write_kept = interrupting
{RUN}
"""


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        (FULL_DISK, 1, "error: {}/new/kept.parquet: cannot be written (File too large); nothing was changed there"),
        (INTERRUPTED, 130, "stopped; nothing is left half-written"),
    ],
)
def test_what_ends_early_leaves_nothing(code: str, status: int, message: str, tmp_path: Path) -> None:
    out = found(tmp_path, corpus(2))
    (tmp_path / "new").mkdir()
    options = ["-o", tmp_path / "new" / "kept.parquet", "--dropped", tmp_path / "new" / "dropped.parquet"]
    command = [sys.executable, "-c", code, "keep", str(out), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"dedup: {message.format(tmp_path)}\n")
    assert list((tmp_path / "new").iterdir()) == []
