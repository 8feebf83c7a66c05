# What users and developers run. `make` lists the targets.

APP      ?= data_model_loader
JSON     ?= apps/$(APP)/examples/job_input.json
PROJECT  ?= build/project
JOB_DIR  ?= build/jobs/$(APP)
MASTER   ?= local[*]
BENCH    ?=
FUZZ     ?=
SIZE     ?= small
NAME     ?=

VENV     := .venv
PY       := $(VENV)/bin/python
PIP      := $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
FIT      := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
DEMO     := build/demo/project

# Ignore inherited Python and Spark variables.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV SPARK_HOME

.DEFAULT_GOAL := help
.PHONY: help setup demo walkthrough test test-fast fuzz run lint types bundle cluster-up cluster-down dxapp dxapps new-app bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.setup ## make .venv with pinned packages, a Java if the machine has none fit for Spark, and Spark's class-data archive

demo: $(VENV)/.setup ## load a small multi-table clinical example with spark-submit and show the Dataset
	@rm -rf build/demo
	@$(MAKE) --no-print-directory run APP=data_model_loader PROJECT=$(DEMO) JOB_DIR=build/demo/job
	$(PY) -m apps describe hospital_example --project $(DEMO)
	$(PY) -m apps sql --project $(DEMO) "SELECT * FROM patient ORDER BY 1 LIMIT 5"

walkthrough: $(VENV)/.setup ## run the commands of WALKTHROUGH.md, all six apps, and check what they print
	@$(PY) -m tests.walkthrough

test: $(VENV)/.setup-dev ## run all tests
	$(PY) -m pytest

test-fast: $(VENV)/.setup-dev ## run the tests that need neither Java nor a process of their own, in under a minute
	$(PY) -m pytest -m "not spark and not processes"

fuzz: $(VENV)/.setup-dev ## run the fuzzers from a new seed, two minutes if not given: [FUZZ="NAME … --seconds N --seed N"]
	$(PY) -m tests.fuzz $(FUZZ)

run: $(VENV)/.setup ## run an app with spark-submit: APP= JSON= [PROJECT=] [MASTER=] [JOB_DIR=]
	@mkdir -p "$(JOB_DIR)" && cp "$(JSON)" "$(JOB_DIR)/job_input.json"
	$(PY) -m common.spark.launch --master '$(MASTER)' apps/$(APP)/app.py --project "$(PROJECT)" --job-dir "$(JOB_DIR)"

lint: $(VENV)/.setup-dev ## check style and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.setup-dev ## check types
	$(PY) -m mypy

bundle: $(VENV)/.setup ## build/suite.zip, the suite's code and data for --py-files
	$(PY) -m common.spark.bundle build/suite.zip

cluster-up: $(VENV)/.setup ## start a standalone master and two workers on this machine, and print their URL for MASTER=
	@$(PY) -m common.spark.standalone up

cluster-down: $(VENV)/.setup ## stop the master and the workers
	@$(PY) -m common.spark.standalone down

dxapp: $(VENV)/.setup ## make an app's folder for dx build in dist/dxapps: APP= [SIZE=small|medium|large]
	$(PY) -m apps build $(APP) --size $(SIZE)

dxapps: $(VENV)/.setup ## make the folders of all apps: [SIZE=]
	$(PY) -m apps build --size $(SIZE)

new-app: $(VENV)/.setup ## start a new loader: NAME=
	@$(PY) -m apps new "$(NAME)"

bench: $(VENV)/.setup-dev ## run the benchmarks, all if not given: [BENCH="NAME … --full"]
	$(PY) -m tests.benchmarks $(BENCH)

clean: ## remove build output and caches, but not .venv
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Stamp files: set-up runs again only if the required packages change.
$(VENV)/.setup: pyproject.toml constraints.txt
	@python=; for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	  "$$p" -c '$(FIT)' 2>/dev/null && { python="$$p"; break; }; done; \
	[ -n "$$python" ] || { echo "make setup needs Python 3.11 or newer with its venv module: install python3.11 and python3.11-venv, or the like." >&2; exit 1; }; \
	echo "Making $(VENV) with $$python; the first time fetches about 600 MB." >&2; "$$python" -m venv $(VENV)
	@$(PIP) pip
	@$(PIP) --group runtime
	@$(PY) -m common.spark.java || { $(PIP) --group java && $(PY) -m common.spark.java; }
	@$(PY) -m common.spark.archive
	@touch $@

$(VENV)/.setup-dev: $(VENV)/.setup
	@$(PIP) --group dev
	@touch $@
