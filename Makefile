# make demo shows the collection at work; make check and make test are in make/checks.mk.

VENV ?= .venv
FAULT ?= disjoint_networks
LAB_DIR ?= .lab/dev
LAB_PROJECT ?= netfix-lab

.DEFAULT_GOAL := help
.PHONY: help venv engine images images_nested demo demo_clean lab_up lab_down

help: ## list the targets
	@sed -n 's/^\([a-z_]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'

venv: ## install what the playbooks need into $(VENV)
	@VENV=$(VENV) scripts/setup-venv

engine: ## make a Docker Engine and Compose v2 available
	@scripts/setup-engine

images: engine ## build the lab's image
	@scripts/setup-images

images_nested: engine ## build those of the faults that need an engine of their own, too
	@scripts/setup-images --nested

demo: venv images ## break the lab and mend it; make demo FAULT=service_renamed_typo, scripts/lab faults lists them
	@VENV=$(VENV) scripts/demo $(FAULT)

demo_clean: ## remove what demo made: containers, networks, volume, images, checkpoints, reports, .lab/demo
	@scripts/lab down .lab/demo netfix-demo
	@rm -rf /var/lib/netfix/netfix-demo
	@grep -ls '"project": "netfix-demo"' netfix-report/*/journal.json | xargs -r -n 1 dirname | xargs -r rm -rf
	@rmdir netfix-report /var/lib/netfix 2>/dev/null || :
	@rmdir .lab 2>/dev/null || :
	@scripts/setup-images --remove

lab_up: images ## a lab of your own in $(LAB_DIR), broken with FAULT=... if given
	@scripts/lab up $(LAB_DIR) $(LAB_PROJECT) $(if $(filter command line environment,$(origin FAULT)),$(FAULT))

lab_down: ## remove the lab of lab_up
	@scripts/lab down $(LAB_DIR) $(LAB_PROJECT)

-include make/checks.mk
