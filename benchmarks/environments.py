"""Make the virtual environments of the peers: `python benchmarks/environments.py`, a few minutes, about 5 GB.

Each peer has one of its own in `benchmarks/.environments/`, with the versions that `benchmarks/peers/pins/` names, down
to the last dependency. What cannot be installed on a machine is said once here and again by every row that needs it.
A third is Torch for the sentence encoder (`minilm`), more where the package index has it only for graphics cards.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / ".environments"
PINS = HERE / "peers" / "pins"
NAMES = tuple(sorted(file.stem for file in PINS.glob("*.txt")))


def python_of(name: str, folder: Path = ENVIRONMENTS) -> Path:
    """Give the interpreter of an environment, whether it is there or not."""
    return folder / name / "bin" / "python"


def why_missing(name: str, folder: Path = ENVIRONMENTS) -> str | None:
    """Say why an environment cannot be used, or nothing where it can."""
    reason = folder / f"{name}.failed"
    if reason.exists():
        return reason.read_text(encoding="utf-8").strip()
    if _made(name, folder) != _pins(name):
        return f"not installed: run `python benchmarks/environments.py {name}`"
    return None


def make(name: str, folder: Path = ENVIRONMENTS) -> str | None:
    """Make an environment anew; return why it could not be made."""
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / f"{name}.failed").unlink(missing_ok=True)
    venv.create(folder / name, with_pip=True)
    command = [
        str(python_of(name, folder)),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--requirement",
        str(PINS / f"{name}.txt"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        (folder / name / "pins.txt").write_text(_pins(name), encoding="utf-8")
        return None
    reason = failure(done.stderr)
    (folder / f"{name}.failed").write_text(f"{reason}\n", encoding="utf-8")
    return reason


def failure(output: str) -> str:
    """Give the first error that pip printed."""
    errors = [line.removeprefix("ERROR:").strip() for line in output.splitlines() if line.startswith("ERROR:")]
    return f"cannot be installed: {errors[0] if errors else 'pip failed without a word'}"


def _pins(name: str) -> str:
    return (PINS / f"{name}.txt").read_text(encoding="utf-8")


def _made(name: str, folder: Path) -> str | None:
    stamp = folder / name / "pins.txt"
    return stamp.read_text(encoding="utf-8") if stamp.exists() else None


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
def main(names: tuple[str, ...]) -> None:
    """Make the environments NAMES, or all that are missing or have other versions than their pins."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    wanted = names or tuple(name for name in NAMES if _made(name, ENVIRONMENTS) != _pins(name))
    for name in wanted:
        click.echo(f"{name} ...", err=True)
        reason = make(name)
        click.echo(f"{name}: {reason or 'ready'}", err=True)


if __name__ == "__main__":
    sys.exit(main())
