# Everything a newcomer needs, with only git, make and python3: `make audit`, `make test`.
# Plain make says what there is.

VENV ?= .venv
PY := $(VENV)/bin/python
SOURCES = $(wildcard auditor checks inventory reports tests bench audit.py)
CATALOGS = $(patsubst %.po,%.mo,$(wildcard auditor/locale/*/LC_MESSAGES/capdo.po))

export VENV
export PIP_DISABLE_PIP_VERSION_CHECK = 1
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help audit test test-ready check docs messages lock wheel clean unit runtime dev

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

audit: runtime messages ## Audit this machine; the report is out/index.html
	@scripts/system-packages.sh list requirements/apt-audit.txt || true
	@scripts/audit-this-machine.sh

test: test-ready ## Run the tests (PYTEST_ARGS="-k name")
	@$(PY) -m pytest $(PYTEST_ARGS)

unit: dev messages ## Run what needs no root, network, browser or real server, in a minute or two
	@CAPDO_QUICK=1 $(PY) -m pytest -q -n auto -m "not (live or browser or root or net or slow)" $(PYTEST_ARGS)

test-ready: dev messages
	@scripts/system-packages.sh list requirements/apt-test.txt || [ -z "$$CAPDO_CI" ]

check: dev ## Lint, format check and types
	@$(PY) -m ruff check $(SOURCES)
	@$(PY) -m ruff format --check $(SOURCES)
	@$(PY) -m mypy $(SOURCES)

docs: runtime ## Make docs/rules and docs/pack.schema.json from the rule packs again
	@$(PY) -m auditor.packdocs docs

messages: runtime $(CATALOGS) ## Compile the translations

%.mo: %.po | runtime
	@$(PY) -m babel.messages.frontend compile --input-file $< --output-file $@

lock: ## Write the lock files again (LOCK_ARGS=--upgrade)
	@scripts/lock.sh $(LOCK_ARGS)

wheel: dev messages ## Build the wheel into dist/
	@$(PY) -m build --no-isolation --wheel

clean: ## Remove caches and build products; keeps out/ and the virtual environment
	@rm -rf build dist .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find $(wildcard auditor checks inventory reports tests bench scripts) \
		\( -name __pycache__ -o -name '*.mo' \) -prune -exec rm -rf {} +

runtime dev:
	@scripts/bootstrap.sh $@
