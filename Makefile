# What can be done with the project? `make help` lists it. Needs only Python 3.11 or newer; PYTHON=… chooses another.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,$(shell \
	$(name) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))

# The lock's checksum is part of the stamp's name: a changed lock installs again, an unchanged one costs nothing.
stamp = $(VENV)/.installed-$(1)-$(firstword $(shell cksum < $(2)))
RUN_STAMP := $(call stamp,run,requirements.lock)
DEV_STAMP := $(call stamp,dev,requirements-dev.lock)
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet
FUZZERS := atheris~=3.0.0;python_version<'3.12' atheris~=3.1;python_version>='3.12' schemathesis~=4.32
NONE_CHOSEN := 5# is pytest's exit code
FUZZED := sse answer fields json_guard

.DEFAULT_GOAL := help
# Where it is set, each of the hundreds of processes that the tests start compiles the whole project anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run test check bench soak fuzz lock clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN_STAMP) ## Installs, prepares the data directory and serves on HOST:PORT (127.0.0.1:3000).
	@$(BIN)/python manage.py quickstart
	@exec $(BIN)/python manage.py serve

test: $(DEV_STAMP) ## Runs all tests; TESTS="-k name tests/unit" chooses.
	@failed=0; \
	$(BIN)/pytest -n auto --dist loadfile -m "not alone" $(TESTS) || [ $$? = $(NONE_CHOSEN) ] || failed=1; \
	$(BIN)/pytest -m alone $(TESTS) || [ $$? = $(NONE_CHOSEN) ] || failed=1; \
	exit $$failed

check: $(DEV_STAMP) ## Runs linter, formatter, types, import contracts, Django's checks and the lock check.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@data=$$(mktemp -d) && trap 'rm -rf "$$data"' EXIT && export GATEWAY_DATA_DIR="$$data" && set -x && \
	$(BIN)/python -W error manage.py quickstart >/dev/null && \
	$(BIN)/python -W error manage.py check --fail-level WARNING --database default && \
	$(BIN)/python -W error manage.py makemigrations --check --dry-run
	$(BIN)/pytest -q tests/architecture/test_lock.py

bench: $(RUN_STAMP) ## Measures what the gateway costs and writes docs/performance.md; BENCH="--quick" CANCELS=5000 is short.
	$(BIN)/python -m bench.run $(BENCH)
	$(BIN)/python -m bench.run --endpoints $(BENCH)
	$(BIN)/python -m bench.churn --cancels $(or $(CANCELS),1000000)

soak: $(RUN_STAMP) ## Runs mixed traffic for MINUTES (5), counts what is left behind and draws docs/soak.svg.
	$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),5)

fuzz: $(DEV_STAMP) ## Feeds each parser for MINUTES (2) and the server 10⁵ requests and 10⁵ framings with what nobody thought of.
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements-fuzz.lock
	for target in $(FUZZED); do $(BIN)/python -m tests.fuzz $$target -max_total_time=$$(($(or $(MINUTES),2) * 60)) || exit 1; done
	$(BIN)/python -m tests.fuzz.over_http
	$(BIN)/python -m tests.fuzz.over_management
	$(BIN)/python -m tests.fuzz.over_sockets
	HYPOTHESIS_PROFILE=long $(BIN)/pytest -q tests/integration/test_fuzz.py

lock: $(DEV_STAMP) ## Resolves the dependencies of pyproject.toml and the fuzzer into the locks (needs a package registry).
	$(COMPILE) pyproject.toml --extra build -o requirements.lock
	$(COMPILE) pyproject.toml --extra build --extra dev -c requirements.lock -o requirements-dev.lock
	printf '%s\n' $(foreach fuzzer,$(FUZZERS),"$(fuzzer)") | $(COMPILE) --python-version 3.11 -c requirements-dev.lock - -o requirements-fuzz.lock

clean: ## Removes the virtual environment and all caches, never the data directory.
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .fuzz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with the venv module is needed; name one with PYTHON=…" >&2; exit 1; }
	@echo "Making the virtual environment $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): | $(BIN)/python
	@echo "Installing what the gateway needs ($$(grep -c '^[^ ]*==' requirements.lock) packages, checked by hash) …"
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index -e .
	@rm -f $(VENV)/.installed-run-* && touch $@

$(DEV_STAMP): | $(BIN)/python
	@echo "Installing what development needs ($$(grep -c '^[^ ]*==' requirements-dev.lock) packages, checked by hash) …"
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index -e .
	@rm -f $(VENV)/.installed-* && touch $@ $(RUN_STAMP)
