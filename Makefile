# Two commands matter: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
LEAN := .venv-lean
WEB := .venv-web
FULL := .venv
PIP_OPTIONS := --disable-pip-version-check --quiet
# Where this is set, every process compiles whatever it imports once more, and there are hundreds of processes here.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run environment test test-only test-web test-one coverage fmt lint types guards bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: $(LEAN)/.stamp  ## start Sightline (PORT=8000, DATA_DIR=var, DEMO=1); Ctrl-C stops it
	@exec $(LEAN)/bin/python -m retrieval_site.supervisor

environment: $(LEAN)/.stamp  ## only install what `make run` needs, for commands before the first start, such as a restore

test: lint types guards test-only  ## everything: lint, types, import rules, every test

test-one: $(FULL)/.stamp  ## some tests: T=tests/search/api/test_documents.py, or T="-k a_word"
	@$(FULL)/bin/python -m pytest $(T)

test-web: $(WEB)/.stamp  ## the tests of pages, API, admin and processes, in an environment without torch
	@$(WEB)/bin/python -m pytest tests/search tests/models_admin tests/retrieval_site tests/demo

fmt: $(FULL)/.stamp  ## ruff: lay the code out and mend what it can
	$(FULL)/bin/ruff check --fix .
	$(FULL)/bin/ruff format .

lint: $(FULL)/.stamp  ## ruff: rules and layout
	$(FULL)/bin/ruff check .
	$(FULL)/bin/ruff format --check .

types: $(FULL)/.stamp  ## mypy, strict
	$(FULL)/bin/mypy .

guards: $(FULL)/.stamp  ## which package may import which
	$(FULL)/bin/lint-imports

# Each part is a process with services of its own, and two of them run at a time, the long ones first. Playwright keeps
# an event loop in the process that drives the browser: those tests have a process of their own besides.
LANES ?= 2
SMALL := tests/guards tests/retrieval_site
APART := tests/workers/training tests/browser tests/workers/inference tests/search/api tests/flows tests/hostile \
	tests/models_admin
PYTEST := $(FULL)/bin/python -m pytest --durations=10 --durations-min=10
MEASURED := $(FULL)/bin/coverage run -m pytest

test-only: $(FULL)/.stamp  ## pytest
	@OMP_NUM_THREADS=1 $(MAKE) --no-print-directory --keep-going --output-sync=target -j$(LANES) \
		part-rest $(APART:%=part-%) part-small \
		PYTEST="$(PYTEST)"

part-rest:
	@$(PYTEST) tests $(SMALL:%=--ignore=%) $(APART:%=--ignore=%)

part-small:
	@$(PYTEST) $(SMALL)

# What waits for nothing but the processor stays behind what somebody waits for.
part-tests/workers/%:
	@nice -n 5 $(PYTEST) tests/workers/$*

part-tests/%:
	@$(PYTEST) tests/$*

# Not part of `make test`: what measures coverage makes Python half as fast again.
coverage: $(FULL)/.stamp  ## every test again, slower, with branch coverage; the processes that they start are measured too
	@rm -f .coverage .coverage.*
	@$(MAKE) --no-print-directory test-only PYTEST="$(MEASURED)"
	@$(FULL)/bin/coverage combine --quiet && $(FULL)/bin/coverage report --skip-covered --sort=cover

bench: $(FULL)/.stamp  ## the benchmarks of docs/architecture.md
	$(FULL)/bin/python -m bench.run

clean:  ## remove the environments (never the data folder)
	rm -rf $(LEAN) $(WEB) $(FULL)

$(LEAN)/.stamp: requirements/lean.txt
	@echo "Installing what searching needs into $(LEAN) (about a minute; training needs requirements.txt besides)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sightline needs Python 3.11 or newer.")'
	@test -x $(LEAN)/bin/python || $(PYTHON) -m venv $(LEAN)
	@$(LEAN)/bin/python -m pip install $(PIP_OPTIONS) -r requirements/lean.txt
	@touch $@

$(WEB)/.stamp: requirements/lean.txt requirements/test-web.txt
	@echo "Installing what tests without torch need into $(WEB) (about a minute)"
	@test -x $(WEB)/bin/python || $(PYTHON) -m venv $(WEB)
	@$(WEB)/bin/python -m pip install $(PIP_OPTIONS) -r requirements/lean.txt -r requirements/test-web.txt
	@touch $@

# pip compiles one file at a time. All of it is compiled: guarded children import libraries and write nothing.
$(FULL)/.stamp: requirements.txt requirements/lean.txt requirements/train.txt requirements/test.txt requirements/test-web.txt requirements/ldap.txt requirements/tracing.txt
	@echo "Installing everything into $(FULL) (several minutes)"
	@test -x $(FULL)/bin/python || $(PYTHON) -m venv $(FULL)
	@$(FULL)/bin/python -m pip install $(PIP_OPTIONS) --no-compile -r requirements.txt
	@$(FULL)/bin/python -m pip install $(PIP_OPTIONS) --no-compile -r requirements/ldap.txt || \
		echo "Without LDAP and its tests: it is compiled, by gcc with the headers of libldap-dev and libsasl2-dev"
	@$(FULL)/bin/python -m compileall -qq -j 0 $(FULL)/lib || true  # packages bring files for other Pythons, too
	@touch $@
