# `make` alone lists the targets.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# What a shell happens to have set must not change what a target does.
unexport PYTHONPATH PYTHONHOME PYTEST_ADDOPTS VIRTUAL_ENV

PYTHON := python3
BIN := .venv/bin
# What takes long to make outlives the checkout: see tests/cluster/paths.py.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/agentrun
CLUSTER_TOOL := PYTHONPATH=tests $(PYTHON) -m cluster
# After `make cluster`, everything talks to that cluster with the kubectl that came with it.
ON_CLUSTER := KUBECONFIG=$(CURDIR)/.cluster/kubeconfig PATH=$(CURDIR)/.cluster/bin:$$PATH

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

cluster: ## start the local cluster (CLUSTER=current: use the current kubectl context instead)
	@$(CLUSTER_TOOL) up

cluster-down: ## remove the local cluster and all that came with it
	@$(CLUSTER_TOOL) down

cluster-check: ## start and remove a cluster, and check that the machine is as it was
	@$(CLUSTER_TOOL) check

cluster-remember: ## remove the cluster and write down what the machine is like without it
	@$(CLUSTER_TOOL) remember

cluster-compare: ## remove the cluster and check that the machine is what was written down
	@$(CLUSTER_TOOL) compare

deploy: cluster venv ## build the images and put CRDs and operator into the cluster
	@PYTHONPATH=tests $(BIN)/python -m cluster deploy

demo: deploy ## the guided tour on the cluster
	@$(ON_CLUSTER) PYTHONPATH=tests $(BIN)/python -m demo

unit: venv ## the tests that need no cluster
	@$(BIN)/pytest tests/unit

# In the given order: xdist would begin with the largest groups, and these wait for the tests that are alone.
XDIST := -n 4 --dist loadgroup --no-loadscope-reorder

e2e: deploy ## the tests on the cluster
	@$(ON_CLUSTER) $(BIN)/pytest $(XDIST) tests/e2e

test: deploy ## unit and e2e
	@$(ON_CLUSTER) $(BIN)/pytest $(XDIST) --durations=10 tests/unit tests/e2e

bench: deploy ## the measurements; PARTS="runs waves" for some of them, SIZES=100 for smaller waves
	@$(ON_CLUSTER) PYTHONPATH=operator:runner-image:tests $(BIN)/python -m bench $(PARTS) $(if $(SIZES),--sizes $(SIZES))

# Layer 1 has a cluster of its own, in memory.
LAYER := 1
chaos: $(if $(filter 1,$(LAYER)),venv,deploy) ## break it at random; LAYER=1 simulates the cluster, LAYER=2 its nodes, LAYER=3 nothing
	@$(ON_CLUSTER) PYTHONPATH=operator:runner-image:tests $(BIN)/python -m chaos --layer $(LAYER) \
	  $(if $(SELF_CHECK),--self-check) $(if $(SCHEDULES),--schedules $(SCHEDULES)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

lint: venv ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --cache-dir $(CACHE)/mypy operator runner-image tests

venv: # the development environment: one for each Python and content of its requirements
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.x")'
	@venv=$(CACHE)/venv/$$({ $(PYTHON) -c 'import sys; print(sys.version, sys.base_prefix)'; cat tests/requirements.txt; } | sha256sum | cut -c1-12); \
	mkdir -p $(CACHE)/venv; exec 9>$(CACHE)/venv/lock; $(PYTHON) -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'; \
	if [ ! -e $$venv/complete ]; then \
	  $(PYTHON) -m venv --clear $$venv; \
	  $$venv/bin/pip install --quiet --require-hashes -r tests/requirements.txt; \
	  touch $$venv/complete; \
	fi; \
	[ "$$(readlink .venv)" = $$venv ] || { rm -rf .venv; ln -s $$venv .venv; }

failure-modes: ## write the tests of each case into tests/FAILURE_MODES.md
	@$(PYTHON) tests/failure_modes.py

requirements: ## pin what the requirements.in files ask for (needs uv)
	@for d in operator runner-image tests; do (cd $$d && uv pip compile --quiet --upgrade --universal \
	  --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  requirements.in -o requirements.txt); done

.PHONY: chaos failure-modes help cluster cluster-down cluster-check cluster-remember cluster-compare deploy demo unit e2e test bench lint venv requirements
