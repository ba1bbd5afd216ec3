# Every target makes the environment first; the second time that costs nothing.
#
#   make demo [SERVE=0] [DATASET=lists.csv.gz] [IDX_DATASET=prices.csv.xz] [SESSIONS=n]
#                                                both sources, then the pages until Ctrl-C
#   make test | check | test-all | bench         what is described beside each target
#   make dev                                     sandbox, Dagster UI and dashboards over the present data
#   make lock                                    resolve again what pyproject.toml asks for
#   make clean                                   remove the environment and caches; data stay

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install browser demo dev test lint check test-all bench lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SQL_STAMP := $(VENV)/.sql-linted
MODELS := $(shell find dbt_project/models -name '*.sql')
MACROS := $(shell find dbt_project/macros -name '*.sql')
UV_VERSION := 0.13.8
SERVE ?= 1
DATASET ?=
IDX_DATASET ?=
SESSIONS ?=
# Number of test processes, two for each of two cores: half of the time they wait for sites and browsers. 0 is one, for a debugger.
WORKERS ?= 4
PARALLEL = -n $(WORKERS) --dist loadscope --no-loadscope-reorder
# The newest of these that is on the PATH; none has been tried beyond 3.13.
PYTHONS := python3.13 python3.12 python3.11 python3

help:
	@sed -n 's/^#   //p' Makefile

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@PYTHONS="$(PYTHONS)" VENV="$(VENV)" UV_VERSION="$(UV_VERSION)" bash scripts/install.sh
	@touch $@

# A Chromium: the configured one, the system's, or one that is installed now.
browser: $(STAMP)
	@BIN="$(BIN)" bash scripts/browser.sh

demo: browser
	@$(BIN)/fin demo $(if $(filter 0,$(SERVE)),--no-serve) $(if $(DATASET),--dataset "$(DATASET)") \
	  $(if $(IDX_DATASET),--idx-dataset "$(IDX_DATASET)") $(if $(SESSIONS),--sessions $(SESSIONS))

dev: browser
	@$(BIN)/fin serve

# Lint, format and types, then every test that neither takes more than half a minute nor measures.
test: browser lint
	@$(BIN)/pytest $(PARALLEL)

# What reads the tree only: lint, format, types, import arrows, docs against code.
check: lint
	@$(BIN)/pytest -q tests/arch

lint: $(STAMP) $(SQL_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The linter parses a second for each model: only the models that changed since the last time, or all if anything else did.
$(SQL_STAMP): pyproject.toml $(MACROS) $(MODELS) | $(STAMP)
	$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar $(if $(filter-out $(MODELS),$?),dbt_project/models,$?)
	@touch $@

test-all: browser
	@$(BIN)/pytest $(PARALLEL) -m "not bench"

# Says first how long each part takes, and names what it leaves out.
bench: $(STAMP)
	@BIN="$(BIN)" bash scripts/browser.sh driver
	@$(BIN)/python -m tests.bench

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 \
	  --all-extras --upgrade pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dbt_project/target dbt_project/logs
