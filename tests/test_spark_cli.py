"""`dedup find --engine spark`: the result of this process, and one line for what is not installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from pathlib import Path

_COMMAND = "from dedup.cli import main; main(prog_name='dedup')"
_COPIES = ("--no-stories", "--keep-boilerplate")  # the fewest stages: test_spark.py looks at all of them
needs_pyspark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed: pip install 'dedup[spark]'"
)
needs_java = pytest.mark.skipif(
    not shutil.which("java") and not os.environ.get("JAVA_HOME"),
    reason="Spark needs Java 17 or newer: apt-get install openjdk-17-jre-headless",
)


def run(*words: str | Path, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"{before}{_COMMAND}", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)  # noqa: S603


@pytest.mark.proof
@needs_pyspark
@needs_java
def test_both_engines_print_and_write_the_same(sample: Path, tmp_path: Path) -> None:
    local, there = tmp_path / "local", tmp_path / "there"
    here = run("find", sample, *_COPIES, "-o", local, "--json")
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    spark = ("--engine", "spark", "--master", "local[2]")
    on_spark = run("find", sample, *_COPIES, "-o", there, "--json", *spark, JDK_JAVA_OPTIONS=quick)
    assert here.returncode == on_spark.returncode == 0, on_spark.stderr
    assert on_spark.stdout == here.stdout
    assert on_spark.stderr.splitlines()[-1].startswith(f"Written to {there}")
    for name, order in (("articles", "id"), ("matches", "left"), ("spans", "id")):
        found, wanted = (pq.read_table(folder / f"{name}.parquet") for folder in (there, local))
        keys = [(key, "ascending") for key in (order, "right", "start") if key in wanted.column_names]
        assert len(wanted) > 0
        assert found.sort_by(keys).equals(wanted.sort_by(keys))


def test_without_pyspark_the_line_says_how_to_install_it(sample: Path, tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['pyspark'] = None; "
    done = run("find", sample, "--engine", "spark", "-o", tmp_path / "out", before=hidden)
    assert done.returncode == 1
    assert done.stderr == "dedup: error: pyspark is not installed; install it with: pip install 'dedup[spark]'\n"
    assert not (tmp_path / "out").exists()


@needs_pyspark
def test_without_java_the_line_says_how_to_install_it(sample: Path, tmp_path: Path) -> None:
    done = run("find", sample, "--engine", "spark", "-o", tmp_path / "out", PATH=str(tmp_path), JAVA_HOME="")
    assert done.returncode == 1
    expected = "Java is not installed, and Spark needs 17 or newer: apt-get install openjdk-17-jre-headless"
    assert done.stderr == f"dedup: error: {expected}\n"
    assert not (tmp_path / "out").exists()


@needs_pyspark
@needs_java
def test_a_master_that_is_none_is_refused(sample: Path) -> None:
    done = run("find", sample, "--engine", "spark", "--master", "nowhere")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--master 'nowhere': expected local[*]" in done.stderr


@pytest.mark.proof
@needs_pyspark
@needs_java
def test_a_failure_of_spark_is_one_line_that_names_its_log(sample: Path, tmp_path: Path) -> None:
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    words = ("find", sample, *_COPIES, "-o", tmp_path / "out", "--engine", "spark", "--master", "local[1]")
    folder = {"TMPDIR": str(tmp_path), "PYSPARK_PYTHON": "/no/such/python", "JDK_JAVA_OPTIONS": quick}
    done = run(*words, **folder)
    assert (done.returncode, done.stdout) == (1, "")
    (log,) = tmp_path.glob("*.log")
    cause = 'java.io.IOException: Cannot run program "/no/such/python": error=2, No such file or directory'
    assert done.stderr.splitlines()[-1] == f"dedup: error: Spark failed ({cause}); its log is {log}"
    assert "Traceback" not in done.stderr
    assert "org.apache" not in done.stderr
    assert "org.apache.spark.SparkException" in log.read_text()
    assert not (tmp_path / "out").exists()


@needs_pyspark
@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            (
                "Job aborted: Lost task 0.0 in stage 4.0 (TID 3) (localhost executor driver):"
                " org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
                '  File "worker.py", line 1, in main\nMemoryError: no room\n\n\tat org.apache.spark.Here(There.scala:1)'
            ),
            "MemoryError: no room",
        ),
        (
            "An error occurred while calling o1.load.\n: java.io.IOException: gone\n\tat a.B",
            "java.io.IOException: gone",
        ),
        ("[PATH_NOT_FOUND] Path does not exist: x.", "[PATH_NOT_FOUND] Path does not exist: x."),
        ("", "Exception"),
    ],
)
def test_the_cause_is_found_in_the_traces(message: str, told: str) -> None:
    from dedup.spark.files import cause  # noqa: PLC0415  (pyspark is optional)

    assert cause(Exception(message)) == told
    assert cause(ConnectionRefusedError(111, "refused")) == "its Java process has ended"


def test_this_process_is_the_default(sample: Path) -> None:
    done = run("find", sample, *_COPIES, "--quiet", before="import sys; sys.modules['pyspark'] = None; ")
    assert done.returncode == 0, done.stderr
    refused = run("find", sample, "--master", "local[2]")
    assert refused.returncode == 2
    assert "--master is for --engine spark" in refused.stderr
