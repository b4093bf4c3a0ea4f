# Everything goes through .venv, which is made on first use. Needs make and Python 3.11 or newer, nothing else.
#   PYTHON=/path/to/python3.12 make run     picks another Python

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check bench faults lock clean
.SILENT:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCK := uv pip compile pyproject.toml --extra install --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

help: ## this list
	sed -n 's/^\([a-z]*\):[^#]*## /  make \1	/p' Makefile | expand -t 15

run: $(VENV)/installed ## start everything here: PORT (8000), DATA_DIR (./data), DEMO (1)
	exec $(BIN)/python -m notifyhub dev --end-with-parent

# three also on two cores: much of the time is waiting for servers
test: $(VENV)/installed-dev ## the whole test suite
	exec $(BIN)/python -m pytest -n 3 --dist loadfile

check: $(VENV)/installed-dev ## linters, types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-dev ## the benchmarks
	exec $(BIN)/python -m benchmarks

faults: $(VENV)/installed-dev ## everything that can go wrong, at full size (twenty minutes)
	exec $(BIN)/python -m tests.faults

lock: ## renew the pinned versions (needs uv)
	$(LOCK) --upgrade --output-file requirements.txt
	$(LOCK) --upgrade --extra dev --constraint requirements.txt --output-file requirements-dev.txt

clean: ## remove .venv and caches, but no data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info

# A stamp is written last, so what was interrupted is done again; and a checkout that was moved, or whose Python is gone,
# gets a new .venv (the paths in it are absolute).
ifneq ($(shell test -x $(BIN)/python && cat $(VENV)/created 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/created
endif

# The system's own Python is tried first: distributions build theirs with optimisations, which version managers leave out by
# default, and with them a mail takes a quarter less CPU. One without venv and ensurepip will not do.
PYTHONS := /usr/bin/python3 python3.13 python3.12 python3.11 python3 python3.14

$(VENV)/created:
	found=; lacking=; for python in $${PYTHON:-$(PYTHONS)}; do \
		if command -v "$$python" >/dev/null && "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then found=$$python; break; fi; \
			lacking=$$python; \
		fi; \
	done; \
	if [ -z "$$found" ] && [ -n "$$lacking" ]; then \
		echo "$$lacking has no venv and ensurepip; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	if [ -z "$$found" ]; then echo "NotifyHub needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$("$$found" --version) ($$found) …"; \
	"$$found" -m venv --clear $(VENV)
	echo '$(CURDIR)' >$@

$(VENV)/installed: $(VENV)/created requirements.txt pyproject.toml
	echo "Installing NotifyHub, half a minute or so …"
	sed -n '/^setuptools==/,/[^\\]$$/p' requirements.txt >$(VENV)/setuptools.txt
	$(call quietly,$(PIP) install --only-binary :all: --require-hashes -r $(VENV)/setuptools.txt)
	$(call quietly,$(PIP) install $(SOURCES) --require-hashes -r requirements.txt)
	$(call quietly,$(PIP) install --no-deps --no-build-isolation --editable .)
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	echo "Installing what the tests need …"
	$(call quietly,$(PIP) install $(SOURCES) --require-hashes -r requirements-dev.txt)
	touch $@

# these alone come as source, all of it Python; the setuptools that is there already builds it
SOURCES := --only-binary :all: --no-binary dkimpy,quotequail --no-build-isolation

# pip is heard only when it fails
quietly = $(1) >$(VENV)/pip.log 2>&1 || { cat $(VENV)/pip.log >&2; exit 1; }
