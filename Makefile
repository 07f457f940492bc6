# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Of the batches of bench-detection: a tenth is half an hour on two cores.
SHARE ?= 0.1

.PHONY: help setup demo test prove bench bench-detection lint up clean
help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

$(VENV)/.demo: pyproject.toml infra/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Headwater needs Python 3.11 to 3.13: make PYTHON=python3.11 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once, about a minute) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c infra/constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@$(BIN)/pip install --quiet --disable-pip-version-check -c infra/constraints.txt -e '.[test]'
	@touch $@

setup: $(VENV)/.test ## Make .venv with everything that developing needs

demo: $(VENV)/.demo ## Run a real ML pipeline and ask its lineage
	@$(BIN)/headwater demo

# Types and style are checked beside the tests, which wait more than they compute, and give way to them.
test: $(VENV)/.test ## Check types and style, run all tests
	@said=$(VENV)/lint.log; { nice $(MAKE) --no-print-directory lint >$$said 2>&1 || { cat $$said; exit 1; }; } & linting=$$!; \
	$(BIN)/python -m tests.compiling && $(BIN)/pytest -m 'not prove' -n 4 --dist loadfile --durations=20; tested=$$?; \
	wait $$linting; linted=$$?; cat $$said; exit $$((tested | linted))

prove: $(VENV)/.test ## The long proofs: kills, fuzzing, scale (at most 40 minutes)
	@$(BIN)/pytest -m prove -n 2 --dist loadfile --timeout=2400 -v -rP

bench: $(VENV)/.test ## Benchmarks beside their opponents
	@$(BIN)/python -m tests.benchmarks

bench-detection: $(VENV)/.test ## A1 to A6 beside the peers; SHARE=1 judges all batches (hours)
	@$(BIN)/python -m tests.benchmarks detection --share $(SHARE)

lint: $(VENV)/.test ## ruff, mypy --strict, pyright strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@($(BIN)/mypy && $(BIN)/mypy tests) & mypy=$$!; PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright && wait $$mypy

up: $(VENV)/.demo ## Start the embedded stack
	@$(BIN)/headwater up

clean: ## Remove .venv and caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
