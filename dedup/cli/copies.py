"""``dedup copies``: the copy groups alone, in bounded memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dedup.cli import output
from dedup.cli.files import check_file, whole
from dedup.cli.options import as_json, check_columns, examples, quietly, with_columns, with_copy_settings

if TYPE_CHECKING:
    from dedup.settings import Settings


@click.command(
    short_help="Find the copy groups of a large corpus, in bounded memory.",
    epilog=examples(
        "dedup copies corpus/ -o copies.parquet",
        "dedup copies corpus/ -o copies.parquet --memory 2GB --keep-boilerplate",
        "dedup copies corpus/news.parquet -o copies.parquet --work work/ --resume --json",
    ),
)
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="File to write, as Parquet: id, copy_id, relation, witness_id, score.",
)
@click.option(
    "--memory",
    metavar="SIZE",
    help="The most memory to take, as 4GB or 512MiB.  [default: three quarters of the machine's]",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the work between stages: kept after an error or a kill, removed when all is done.",
)
@click.option("--resume", is_flag=True, help="Go on with the finished stages of the run that left its work in DIR.")
@with_columns
@with_copy_settings
@as_json
@quietly
def copies(
    *,
    corpus: str,
    file: Path,
    memory: str | None,
    work: Path | None,
    resume: bool,
    columns: dict[str, str],
    settings: Settings,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the copy groups in CORPUS and write one row an article: its copy group, and the match that admitted it.

    CORPUS is as for `dedup find`, and so are the groups; stories and ledgers are left out. What does not fit into
    --memory goes to disk (docs/scale.md): to files without a name in the folder for temporary files (TMPDIR), or to
    --work DIR. The result is the same, whatever the budget.

    Printed are the totals, and of each stage its seconds, CPU seconds, and how many cores that kept busy.
    """
    from dedup import grouping  # noqa: PLC0415
    from dedup.memory import peak  # noqa: PLC0415
    from dedup.report import grouping as report  # noqa: PLC0415
    from dedup.report import terminal  # noqa: PLC0415

    check_columns(columns)
    if resume and work is None:
        raise click.UsageError("--resume is for --work DIR, the folder of the earlier run")
    check_file(corpus, file, parquet=True)
    with (
        output.progress(quiet=quiet) as progress,
        grouping.grouped(
            corpus, settings, columns=columns, memory=memory, work=work, resume=resume, progress=progress
        ) as found,
        whole(file) as path,
    ):
        grouping.write(found, settings, path, file)
    if as_json:
        output.print_json(report.document(found.account, peak()))
    else:
        to = terminal.console()
        terminal.show(report.page(found.account, peak(), to.width), to)
    sys.stdout.flush()
    click.echo(f"Written to {file}", err=True)
