# The two commands of the README need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test browser check docs bench clean

demo: $(VENV)/installed
	$(BIN)/dedup find corpus/ -o out/demo

# The first line compiles the kernels where they are not compiled yet: tracing coverage would slow that down.
test: $(VENV)/installed-test
	$(BIN)/dedup find corpus/ --quiet > /dev/null
	$(BIN)/python -m pytest -q --cov=dedup --cov-report=term-missing:skip-covered

# What the tests of the HTML report need beside Chromium itself (apt-get install chromium); without, they are skipped.
browser: $(VENV)/installed-browser

check: $(VENV)/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Writes the reference of the command line again, and runs the notebook.
docs: $(VENV)/installed-test
	$(BIN)/python docs/build_cli.py
	$(BIN)/python docs/run_notebook.py

bench: $(VENV)/installed-bench
	$(BIN)/python benchmarks/cost.py

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,check]'
	@touch $@

$(VENV)/installed-browser: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[browser]'
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
