# The two commands of the README need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test browser spark check docs bench bench-full clean

demo: $(VENV)/installed
	$(BIN)/dedup find corpus/ -o out/demo

# The first lines compile the kernels where they are not compiled yet, before many processes want to. Python may keep
# what it compiles, whatever the environment says: some hundred tests start a process. CI=true adds the long proofs, and
# traces which branches are covered, which costs a third more.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/installed-test
	$(BIN)/dedup find corpus/ --quiet > /dev/null
	folder=$$(mktemp -d) && trap "rm -r $$folder" EXIT && $(BIN)/dedup add $$folder/index corpus/ --quiet > /dev/null
	$(BIN)/python -m pytest -q -n auto --dist worksteal $(if $(CI),--cov=dedup --cov-report=term-missing:skip-covered)

# What the tests of the HTML report need beside Chromium itself (apt-get install chromium); without, they are skipped.
browser: $(VENV)/installed-browser

# What the tests of the Spark engine need beside Java (apt-get install openjdk-17-jre-headless); without, as above.
spark: $(VENV)/installed-spark

check: $(VENV)/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Writes the reference of the command line again, and runs the notebook.
docs: $(VENV)/installed-test
	$(BIN)/python docs/build_cli.py
	$(BIN)/python docs/run_notebook.py

# The record of benchmarks/: minutes on two free cores. DATA names the folder of labelled news, which is not part of the
# repository: without it the rows on real news are left out. The peers have virtual environments of their own.
bench: $(VENV)/installed-bench
	$(BIN)/python benchmarks/environments.py
	$(BIN)/python benchmarks/bench.py benchmarks/definitions/bench.toml $(if $(DATA),--data $(DATA))
	$(if $(DATA),$(BIN)/python benchmarks/quality.py $(DATA))
	$(BIN)/python benchmarks/report.py

# The same and larger corpora, up to 10 million articles: hours, and 30 GB of disk in benchmarks/data.
bench-full: bench
	$(BIN)/python benchmarks/bench.py benchmarks/definitions/bench-full.toml $(if $(DATA),--data $(DATA))
	$(BIN)/python benchmarks/cost.py
	$(BIN)/python benchmarks/scale.py --drop
	$(BIN)/python benchmarks/report.py

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

$(VENV)/installed-spark: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[spark]'
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
