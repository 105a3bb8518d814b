# Checks and tests. The Makefile brings venv, engine and images.

VENV ?= .venv
export PATH := $(abspath $(VENV))/bin:$(PATH)

CORE := .ansible/collections/ansible_collections/vertice/netfix/plugins/module_utils/_core
DEV_STAMP = $(VENV)/.requirements-dev-$(shell cat requirements.txt requirements-dev.txt | sha256sum | cut -c1-16)
SHELL_SCRIPTS = $(shell git ls-files -z --cached --others --exclude-standard .ci scripts lab | xargs -0 grep -lsE '^\#!.*\b(ba)?sh\b')

.PHONY: venv_dev tools lint types unit adapters tuning full_cycle faults deaths local hosts security sanity build scenarios bench solutions check test

venv_dev: ## install what the checks need into $(VENV)
	@test -e $(DEV_STAMP) || $(MAKE) --no-print-directory $(DEV_STAMP)

$(DEV_STAMP): | venv
	@for try in 1 2 3 4; do \
	    $(VENV)/bin/pip install --quiet -r requirements-dev.txt && break; \
	    test $$try -lt 4 || exit 1; sleep $$((try * 5)); \
	done
	@rm -f $(VENV)/.requirements-dev-*
	@touch $@

lint: ## style of YAML, Python, shell and documentation, and whether what is generated is up to date
	yamllint --strict .
	ruff check --output-format concise .
	$(if $(shell command -v shellcheck),shellcheck $(SHELL_SCRIPTS),@echo 'shellcheck is not installed: skipped')
	antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .
	antsibull-changelog lint
	ansible-lint
	python scripts/generate-docs --check

types: ## mypy --strict on the pure core
	mypy $(CORE)

unit: ## tests that need no engine
	pytest -q -m 'not docker' tests/unit

adapters: ## tests against the real engine, Locust and other programs
	pytest -q tests/adapters

faults: ## every fault of the small reference project, healthy ones of every kind, and remediations, on the real engine
	pytest -q -m docker tests/faults tests/remediations

local: ## services without Docker, on the reference image and the lab's
	pytest -q -m docker tests/local

hosts: ## one inventory with several engines, reached by SSH
	pytest -q -m docker tests/hosts

security: ## hostile data and secrets on the real engine
	pytest -q -m docker tests/security

tuning: ## optimizations on the real engine: made once, undone, and settled by the next run
	pytest -q -m docker tests/tuning/test_optimization.py

full_cycle: ## the whole plan in one command on a broken, slow project; measures, so nothing should run beside it
	pytest -q -m docker tests/tuning/test_full_cycle.py

deaths: ## runs that are killed, and what the next run makes of it; make deaths EVERY_DEATH=1 for every point
	pytest -q -m docker tests/deaths

lanes: ## the longer ones of the tests, two at a time; what failed there once more by itself
	scripts/run-side-by-side

sanity: ## ansible-test sanity
	scripts/run-sanity

build: ## the artifact builds, installs and works
	scripts/check-artifact

scenarios: ## break, mend and roll back some faults by the playbooks; make scenarios NAMES='disjoint_networks ...'
	scripts/run-scenarios $(NAMES)

bench: ## benchmarks; they need the engine and a quiet machine
	@for file in tests/benchmarks/*.py; do echo "== $$file"; $(VENV)/bin/python $$file || exit 1; done

solutions: ## force the original plan's three solutions on every fault, and write docs/solutions.md; an hour
	python scripts/try-solutions

check: lint types unit ## what to run before every commit

tools: ## install what the tests need beside the virtual environment
	@scripts/setup-tools

test: venv_dev tools engine images_nested lint types unit lanes ## everything
