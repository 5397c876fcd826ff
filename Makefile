# Forebay: `make run` does the main job, `make test` proves it. Both set up all they need.

VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile

.DEFAULT_GOAL := help
.PHONY: help run test bench lint format lock clean

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## set up, then plan, fetch, check, store, prove and query (with keys in .env: on the real vendor)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/first_run.sh

test: $(VENV)/dev.stamp ## every test, with real servers and real clients
	@$(BIN)/python -m pytest -n auto

bench: $(VENV)/dev.stamp ## measure against peers, side by side; writes bench/results.json
	@$(BIN)/python -m bench

lint: $(VENV)/dev.stamp ## ruff, mypy, the layers, spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/codespell src tests docs bench examples README.md CHANGELOG.md CONTRIBUTING.md

format: $(VENV)/dev.stamp ## let ruff tidy up
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/dev.stamp ## pin the newest allowed versions, with hashes
	@$(BIN)/uv pip compile $(LOCK) --upgrade pyproject.toml --all-extras --group dev -o requirements/dev.txt
	@$(BIN)/uv pip compile $(LOCK) --upgrade pyproject.toml --group build -c requirements/dev.txt -o requirements/run.txt

LOCK := --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

clean: ## remove what make made; never data
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say which lock is installed; `pip` is asked again only when it changed.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)
	@echo "installing Forebay and its libraries into $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)
	@echo "installing Forebay and its development tools into $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Forebay needs Python 3.11 or newer; $(PYTHON) is older. Next: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
