.DEFAULT_GOAL := help
.PHONY: help setup setup-dev browser postgres peers federated run test test-fast bench screenshots messages lint types arch check fmt clean

PYTHON ?= python3.11
PORT ?= 8501
PIP_ARGS ?=
WORKERS ?= 2
BIN := .venv/bin

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed: apt-get install python3.11 python3.11-venv"; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "The venv module is missing: apt-get install python3.11-venv"; exit 1; }

.venv/run.stamp: requirements.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt requirements-scale.txt requirements-compress.txt .venv/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements-dev.txt
	@touch $@

setup: .venv/run.stamp  ## Make .venv and install what the dashboard needs

setup-dev: .venv/dev.stamp  ## ... and what the tests need

browser:  ## Get Chromium for the browser tests, if this machine allows it
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || \
	  echo "No Chromium here: the browser tests will be skipped (apt-get install chromium)."

postgres:  ## Get PostgreSQL for the tests of the store, if this machine allows it
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; } || \
	  echo "No PostgreSQL here: its tests will be skipped (apt-get install postgresql)."

peers:  ## Get a PACS, DICOM tools and a validator for the tests, if this machine allows it
	@PATH="$$PATH:/usr/sbin"; { command -v Orthanc && command -v storescu && command -v dciodvfy; } >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	      orthanc orthanc-dicomweb dcmtk dicom3tools >/dev/null; } || \
	  echo "No PACS or DICOM tools here: some tests will be skipped (apt-get install orthanc orthanc-dicomweb dcmtk dicom3tools)."

federated: setup  ## Get Flower into .venv-federated, over .venv (docs/federated.md)
	@test requirements-federated.txt -ot .venv-federated/stamp || { \
	  rm -rf .venv-federated && $(BIN)/python -m venv .venv-federated && \
	  echo "import site; site.addsitedir('$(CURDIR)/.venv/lib/python3.11/site-packages')" \
	    > .venv-federated/lib/python3.11/site-packages/over.pth && \
	  .venv-federated/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) \
	    -r requirements-federated.txt && touch .venv-federated/stamp; } || \
	  echo "No Flower here: its tests will be skipped."

run: setup  ## Open the dashboard at http://localhost:8501
	$(BIN)/python -m streamlit run dashboard/app.py --server.port $(PORT)

test: setup-dev browser postgres peers federated  ## Every test this machine can run
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not gpu" -n $(WORKERS) --dist loadfile

test-fast: setup-dev  ## The fast tests alone
	$(BIN)/python -m pytest -m "not gpu and not slow and not browser"

screenshots: setup-dev browser  ## Take the pictures in docs/images anew
	CONSILIUM_SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/browser -k fits_the_window

bench: setup-dev browser  ## Measure beside what others would use; keep the record, write docs/benchmarks.md
	$(BIN)/python -m benchmarks --keep

messages: setup-dev  ## Write what is not translated yet into assets/locale/*/*.po
	$(BIN)/python -m tools.messages

lint: setup-dev  ## Report style problems
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: setup-dev  ## Type-check mmcore and dashboard
	$(BIN)/mypy

arch: setup-dev  ## Check that dependencies point inwards
	$(BIN)/lint-imports

check: lint types arch test  ## What CI runs

fmt: setup-dev  ## Format and apply safe fixes
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:  ## Remove the environment and caches
	rm -rf .venv .venv-federated .pytest_cache .mypy_cache .ruff_cache build *.egg-info
