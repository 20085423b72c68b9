# Needs python3 (3.11 or later), make and a package index; everything else is made here.
#   make lab     the quickstart in JupyterLab
#   make demo    the same plan in the terminal
#   make test    all checks and tests; with WORKERS=0 one at a time
#   make sweep   a fault in each file operation of a run; all that make test takes a part of

PYTHON ?= python3
VENV := .venv
WORKERS ?= 3
BIN := $(VENV)/bin
PINS := pyproject.toml constraints.txt
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
OLD_KERNEL := ipykernel==6.31.0 nest-asyncio==1.6.0

ROOT := $(filter 0,$(shell id -u))
APT := $(if $(ROOT),$(shell command -v apt-get))
APT_INSTALL := $(APT) update -q >/dev/null; DEBIAN_FRONTEND=noninteractive $(APT) install -qy

.DEFAULT_GOAL := help
.PHONY: help lab demo test check javascript node-checks notebooks pytest sweep
.NOTPARALLEL:

help:
	@sed -n '2,5s/^# *//p' Makefile

lab: $(VENV)/.lab
	$(BIN)/jupyter lab $(if $(ROOT),--allow-root) --ServerApp.root_dir=. \
	  --LabApp.news_url=none --LabApp.default_url=/lab/tree/notebooks/01_quickstart.ipynb

demo: $(VENV)/.lab
	@$(BIN)/orchestra-nb demo

test: check javascript notebooks pytest

check: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

javascript:
	@command -v npm >/dev/null || $(if $(APT),{ $(APT_INSTALL) nodejs npm; },true)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node-checks; \
	else echo "No Node.js: the JavaScript and its accessibility are not checked."; fi

notebooks: $(VENV)/.test
	$(BIN)/python -m tests.run_notebooks

pytest: $(VENV)/.test
	@echo "Browser tests use: $$($(BIN)/python -m tests.chromium --install)"
	$(BIN)/python -m pytest -n $(WORKERS)

sweep: $(VENV)/.test
	$(BIN)/python -m tests.sweep

# Debian ships Python without what makes environments.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	  $(if $(APT),{ $(APT_INSTALL) $$package; } ||) { \
	  echo "Python's venv is missing: install the package $$package"; exit 1; }; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: $(PINS) | $(BIN)/python
	$(PIP) -c constraints.txt -e '.[lab]'
	@touch $@

# The old kernel is a folder that shadows the new one: see tests/conftest.py.
$(VENV)/.test: $(PINS) Makefile | $(BIN)/python
	$(PIP) -c constraints.txt -e '.[lab,test]'
	$(PIP) --no-deps --upgrade --target $(VENV)/ipykernel6 $(OLD_KERNEL)
	@touch $@ $(VENV)/.lab

tests/js/node_modules: tests/js/package.json
	cd tests/js && npm install --no-audit --no-fund --no-package-lock --loglevel=error
	@touch $@

node-checks: tests/js/node_modules
	cd tests/js && node_modules/.bin/tsc
	cd tests/js && node --test --test-reporter=spec
