# Forebay: `make run` does the main job, `make test` proves it. Both set up all they need.

VENV   ?= .venv
RIVALS ?= .venv-bench
PYTHON ?= python3
BUILDER ?= docker
IMAGE  ?= forebay
TAG    ?= latest
BIN    := $(VENV)/bin
PIP     = $(@D)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile

.DEFAULT_GOAL := help
.PHONY: help run run-full test coverage bench bench-lake docs reference lint format lock clean image push
.PHONY: up down worker workers flower logs logs-worker status discover discover-all enqueue-batch test-ticker

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the main job: set up, then plan, fetch, check, store, prove and query; with WORKERS=6 TICKERS=100 the pipeline
ifneq ($(filter command,$(origin WORKERS) $(origin TICKERS)),)
run: pipeline-run
else
run: $(VENV)/run.stamp
	@PATH="$(abspath $(BIN)):$$PATH" sh examples/first_run.sh
endif

test: $(VENV)/dev.stamp ## every test, with real servers and real clients
	@$(BIN)/python -m pytest -n auto --dist worksteal

coverage: $(VENV)/dev.stamp ## the same, and which lines they reach
	@$(BIN)/python -m pytest -n auto --dist worksteal --cov=forebay --cov-report=term-missing:skip-covered

bench: $(VENV)/dev.stamp ## measure against peers, side by side; writes bench/results.json
	@$(BIN)/python -m bench

bench-lake: $(RIVALS)/bench.stamp ## the lake at the size of a market, beside its rivals; makes 4 GB of files once (FOREBAY_BENCH_DIR)
	@$(RIVALS)/bin/python -m bench lake

docs: $(VENV)/dev.stamp ## the documentation as a site, in site/; every link must lead somewhere
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

reference: $(VENV)/dev.stamp ## write what the documentation says of commands, settings and tables anew, from the code
	@$(BIN)/python -m reference

lint: $(VENV)/dev.stamp ## ruff, mypy, the layers, spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/codespell src tests docs bench examples README.md CHANGELOG.md CONTRIBUTING.md

format: $(VENV)/dev.stamp ## let ruff tidy up
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

image: ## a container image, forebay:TAG (TAG=1.0 BASE= BUILDER=docker)
	$(BUILDER) build $(KEEP_HEALTH) $(if $(BASE),--build-arg BASE=$(BASE)) \
	  --build-arg REVISION=$(shell git describe --always --dirty --exclude='*' 2>/dev/null) --tag forebay:$(TAG) .

# What these build of their own accord has no health check.
KEEP_HEALTH = $(if $(filter podman buildah,$(notdir $(BUILDER))),--format docker)

push: ## send it under a registry's name (IMAGE=registry.example/forebay TAG=1.0)
	$(BUILDER) tag forebay:$(TAG) $(IMAGE):$(TAG)
	$(BUILDER) push $(IMAGE):$(TAG)

lock: $(VENV)/dev.stamp ## pin the newest allowed versions, with hashes
	@$(BIN)/uv pip compile $(LOCK) --upgrade pyproject.toml --all-extras --group dev -o requirements/dev.txt
	@$(BIN)/uv pip compile $(LOCK) --upgrade pyproject.toml --extra lzo --extra service --group build -c requirements/dev.txt \
	  -o requirements/run.txt
	@$(BIN)/uv pip compile $(LOCK) --upgrade pyproject.toml --all-extras --group build -c requirements/dev.txt \
	  -o requirements/pipeline.txt
	@$(BIN)/uv pip compile $(LOCK) --upgrade pyproject.toml --group bench -o requirements/bench.txt

LOCK := --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

run-full: pipeline-run-full ## the pipeline for every US equity, in batches
up: pipeline-up ## start Redis (if none answers) and WORKERS Celery workers
down: pipeline-down ## stop them
worker: pipeline-worker ## one more worker, in this terminal
workers: pipeline-up ## the same as up
flower: pipeline-flower ## Celery's page of workers and tasks, at http://localhost:5555
logs: pipeline-logs ## follow every log
logs-worker: pipeline-logs-worker ## follow the download workers' logs
status: pipeline-status ## processes, queues, and what is held and missing
discover: pipeline-discover ## write the universe of US equities (TICKERS=100: the first hundred)
discover-all: pipeline-discover-all ## every category
enqueue-batch: pipeline-enqueue-batch ## queue the newest universe (BATCH_SIZE START_BATCH MAX_BATCHES DELAY START END)
test-ticker: pipeline-test-ticker ## one ticker, at once (TICKER=AAPL)

# Exported for examples/pipeline.sh: what was said on make's command line or in the environment.
export WORKERS TICKERS TICKER START END BATCH_SIZE START_BATCH MAX_BATCHES DELAY

pipeline-%: $(VENV)/pipeline.stamp
	@PATH="$(abspath $(BIN)):$$PATH" sh examples/pipeline.sh $*

clean: ## stop services, remove what make made; data only with DATA=1, after listing it
	@if [ -x $(BIN)/forebay ]; then PATH="$(abspath $(BIN)):$$PATH" sh examples/pipeline.sh down; fi
ifeq ($(DATA),1)
	@du -sh demo data universe 2>/dev/null || true
	rm -rf demo data universe
endif
	rm -rf $(VENV) $(RIVALS) build dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say which lock is installed; `pip` is asked again only when it changed.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)
	@echo "installing Forebay and its libraries into $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/pipeline.stamp: requirements/pipeline.txt pyproject.toml | $(VENV)
	@echo "installing Forebay with Celery, Redis' client and Flower into $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements/pipeline.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)
	@echo "installing Forebay and its development tools into $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp $(VENV)/pipeline.stamp

$(RIVALS)/bench.stamp: requirements/bench.txt pyproject.toml | $(RIVALS)
	@echo "installing Forebay and what it is measured against into $(RIVALS) (once)"
	@$(PIP) --require-hashes -r requirements/bench.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV) $(RIVALS):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Forebay needs Python 3.11 or newer; $(PYTHON) is older. Next: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $@
