# Two commands do all set-up: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3.11
STATE ?= var/up
MINUTES ?= 4
SEED ?= 2026
CASES ?= 2000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check prove prove-ha bench docs lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 10

setup: $(READY) ## make .venv from the lock file: exact versions, with hashes

$(READY): requirements.lock pyproject.toml tools/make_venv.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/make_venv.sh
	@touch $@

demo: $(READY) ## the main job on invented reports: two weeks of a unit's work in about a minute
	@$(BIN)/qorgan demo --home var/demo

up: $(READY) ## the whole local system until Ctrl-C; STATE=var/demo shows the demo's cases
	@$(BIN)/qorgan up --state "$(STATE)"

test: $(READY) ## every test except the long proofs
	@$(BIN)/python -m pytest -m "not prove" -n 2 --dist loadfile --no-loadscope-reorder

check: $(READY) ## style, types, who may import whom, and what is installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.check_dependencies

prove: $(READY) ## the long proofs, and MINUTES=4 of the monkey; writes docs/proof.md and docs/proof-failures.md
	@$(BIN)/python -m tools.proof_table
	@$(BIN)/python -m tools.proof_failures --minutes "$(MINUTES)" --seed "$(SEED)"

bench: $(READY) ## figures as a table, as JSON in var/bench.json, and in docs/performance.md
	@mkdir -p var
	@$(BIN)/python -m bench --json var/bench.json --page docs/performance.md

prove-ha: $(READY) ## two API servers, three workers, parts killed under load; CASES=2000; writes docs/proof-ha.md
	@$(BIN)/python -m tools.prove_ha --cases $(CASES)

docs: $(READY) ## write the generated parts of README.md and docs/ again
	@$(BIN)/python -m tools.generate_docs

lock: ## choose versions anew within pyproject.toml's bounds and write requirements.lock
	@sh tools/make_lock.sh

clean: ## remove .venv and the caches; cases in var/ stay
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
