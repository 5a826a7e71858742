# Two commands do all set-up: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3.11
STATE ?= var/up
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check prove bench docs lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 10

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

check: $(READY) ## style, types, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

prove: $(READY) ## the long proofs; writes docs/proof.md from what it saw
	@$(BIN)/python -m tools.proof_table

bench: $(READY) ## figures as a table, and as JSON in var/bench.json
	@mkdir -p var
	@$(BIN)/python -m bench --json var/bench.json

docs: $(READY) ## write the generated parts of README.md and docs/ again
	@$(BIN)/python -m tools.generate_docs

lock: ## choose versions anew within pyproject.toml's bounds and write requirements.lock
	@sh tools/make_lock.sh

clean: ## remove .venv and the caches; cases in var/ stay
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
