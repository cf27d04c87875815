"""Run docs/quickstart.ipynb and store what it shows, clean: python docs/run_notebook.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FILE = Path(__file__).with_name("quickstart.ipynb")
_MINUTES = 10  # for a cell: the first one may have to compile the kernels


def run(notebook: Any) -> Any:
    """Run a notebook in the folder of this file, and return it with its outputs, cleaned.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    NotebookClient(
        notebook,
        timeout=60 * _MINUTES,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": FILE.parent}},
    ).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            output.metadata = {}
            if "text/html" in output.get("data", {}):
                output.data.pop("text/plain", None)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def read() -> Any:
    """Return the notebook as it is stored."""
    return nbformat.reads(FILE.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    FILE.write_text(nbformat.writes(run(read())) + "\n", encoding="utf-8")  # type: ignore[no-untyped-call]
    print(f"{FILE.name}: run")
