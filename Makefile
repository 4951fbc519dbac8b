# Shoal's house work. `make help` lists the targets. `make PYTHON=python3.12 setup` names the interpreter that .venv is
# made with; without it, it is the first of version 3.11 or later.
BIN := .venv/bin

.PHONY: help setup test-tools demo test lint bench fuzz fuzz-parsers soak parity truth scenarios alerts docs clean distclean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## .venv with every extra, the compiled modules, and .venv/bin/shoal
	@deploy/dev/system-packages build $(PYTHON)
	@deploy/dev/setup $(PYTHON)

test-tools: setup
	@deploy/dev/system-packages test $(PYTHON)

demo: setup  ## Import the sample capture, and ask it some questions in SQL
	@$(BIN)/python deploy/dev/demo

test: test-tools lint  ## Lint, then every test (ARGS="-k name" passes arguments to pytest)
	@$(BIN)/python -m pytest $(ARGS)

lint: setup  ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: setup  ## Time every stage and command (ARGS=FILE names a capture)
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: setup  ## Decode 10^8 mutated frames (some minutes)
	@$(BIN)/python -m tests.decode.fuzz $(ARGS)

fuzz-parsers: setup  ## Fuzz each parser of what is said for ten minutes (ARGS="60 dns" for a minute of one)
	@$(BIN)/python -m pip install -q atheris
	@$(BIN)/python -m tests.fuzz.all $(ARGS)

soak: test-tools  ## The long forms of the fleet's tests: kills, hostile batches, outages, load (half an hour)
	@$(BIN)/python -m tests.soak $(ARGS)

parity: setup  ## Hold every field against tshark's answers (needs the oracle); writes docs/parity.md
	@$(BIN)/python -m tests.oracle.report

truth: setup  ## Hold causes of segments against what kernel and link know (needs root); writes docs/truth.md
	@$(BIN)/python -m tests.truth.report $(ARGS)

scenarios: test-tools  ## Make the captures of tests/scenarios anew, as root (ARGS="refused outage" names some)
	@$(BIN)/python -m tests.netlab.scenarios $(ARGS)

alerts: test-tools  ## Hold alerts against what kernels sent again, as root; writes docs/alerts-measured.md
	@$(BIN)/python -m tests.alerts.table $(ARGS)

docs: setup  ## Write the reference pages that derive from the code
	@$(BIN)/python -m pipeline.schema.docs

clean:  ## Remove what was built; .venv stays
	@rm -rf build dist demo.db tutorial.db ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .venv/.stamp-build
	@find collectors pipeline \( -name '*.so' -o -name '*.c' \) -delete
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean  ## Remove .venv as well
	@rm -rf .venv
