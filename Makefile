# make            what can be made
# Everything runs with the tools of .venv, which tools/setup.sh makes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.NOTPARALLEL:
.SILENT:

export PATH := $(CURDIR)/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONUNBUFFERED := 1
# Test and lab code must not write __pycache__ beside what gets packed and baked.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache
# Where the environment forbids it, every process of Ansible compiles everything again: a third of its time.
export PYTHONDONTWRITEBYTECODE :=

PYTHON_CHECKED := plugins tests tools lab molecule
SHELL_SCRIPTS = $$(git ls-files --cached --others --exclude-standard | grep --invert-match '\.j2$$' | xargs grep --directories=skip --files-with-matches --extended-regexp --max-count=1 '^\#!.*[/ ](ba)?sh$$' --)

# On all processors. A file stays on one of them: its tests share servers.
pytest := python3 -m pytest --numprocesses=auto --dist=loadfile --durations=10

# Those that take long, on the hosts of the lab, of which there is one.
long_tests := python3 -m pytest --numprocesses=0 --verbose --durations=12 --long molecule/nspawn/tests

# A step says what it is, and how long it took.
step = begin=$$SECONDS; printf '\n== %s\n' '$(1)'; $(2); printf '== %s: %d s\n' '$(1)' "$$((SECONDS - begin))"

##@ The product, on this machine

.PHONY: demo
demo: setup-demo ## Two hosts, a call, one host killed, the call again (under 3 minutes; with the image to bake, 4 to 6)
	printf '\n== A fresh lab\n'
	python3 -m lab up
	$(call step,Deployment with playbooks/site.yml,ansible-playbook -i lab/inventories/containers playbooks/site.yml)
	$(MAKE) --no-print-directory story
	printf '\nmake demo: %d s in total. The lab goes on running:\n' "$$SECONDS"
	printf '  make lab-shell NODE=server1     a shell on a host; try: pcs status; asterisk -rx "pjsip show contacts"\n'
	printf '  make lab-status                 what the lab is doing\n'
	printf '  make lab-down                   the end of it\n'

.PHONY: story
story: setup-demo ## The story of make demo alone, on the lab as it is
	$(call step,The story,python3 -m lab.story)

.PHONY: lab
lab: setup-demo ## Only the two hosts, freshly made, nothing deployed
	python3 -m lab up

.PHONY: benchmark-failover
benchmark-failover: setup-demo ## Kill the active host RUNS times (5) on the lab of make demo: minimum, median, maximum
	python3 -m lab.benchmarks.failover --runs $(or $(RUNS),5)

.PHONY: benchmark-address
benchmark-address: setup-demo ## Remove the floating address RUNS times (5) on the lab of make demo, in the middle of calls
	python3 -m lab.benchmarks.address --runs $(or $(RUNS),5)

.PHONY: benchmark-load
benchmark-load: setup-demo ## RATE (400) calls a second for 10 s on the lab of make demo: the cluster must not restart Asterisk
	python3 -m lab.benchmarks.load --rate $(or $(RATE),400)

.PHONY: benchmark-deployment
benchmark-deployment: setup-demo ## Deploy RUNS fresh labs (5): minimum, median, maximum; HA_CLUSTER=directory compares that role
	python3 -m lab.benchmarks.deployment --runs $(or $(RUNS),5) $(if $(HA_CLUSTER),--ha-cluster $(HA_CLUSTER))

.PHONY: benchmark-records
benchmark-records: setup-demo ## Faults of the database under 20 calls a second on the lab of make demo: is a record lost? (RUNS 10, SEED 1, ONLY; 50 minutes)
	python3 -m lab.benchmarks.records --runs $(or $(RUNS),10) --seed $(or $(SEED),1) --only "$(ONLY)"

.PHONY: benchmark-rate
benchmark-rate: setup-demo ## Calls a second with and without records on the lab of make demo, in RUNS (20) pairs of loads: minimum, median, maximum
	python3 -m lab.benchmarks.rate --runs $(or $(RUNS),20)

.PHONY: benchmark-scale
benchmark-scale: setup-demo ## 10,000 registered telephones (TENANTS 100 with 100 each) on the lab of make demo: start, reload, site.yml, RUNS (5) times
	python3 -m lab.benchmarks.scale --runs $(or $(RUNS),5) --tenants $(or $(TENANTS),100)

.PHONY: lab-status
lab-status: ## Hosts of the lab and what runs on them
	python3 -m lab status

.PHONY: lab-shell
lab-shell: ## A shell on a host of the lab: make lab-shell NODE=server1
	python3 -m lab shell $(or $(NODE),$(error which host? make lab-shell NODE=server1))

.PHONY: lab-down
lab-down: ## Stop the lab and remove its hosts (the golden image stays)
	python3 -m lab down

.PHONY: bake
bake: setup-demo ## Build the golden image of the lab, unless it is there
	python3 -m lab bake

##@ Tests

.PHONY: test
test: setup ## Every tier that runs without virtual machines (15 to 25 minutes)
	begin=$$SECONDS
	mkdir -p .cache/log
	# The two hosts wait much of the time, and so does the golden image (for the network and for dpkg). What needs nothing but
	# processors has them meanwhile, and gives way to the hosts.
	nice --adjustment=19 $(MAKE) --no-print-directory integration static unit esxi >.cache/log/checks.log 2>&1 &
	checks=$$! molecule=0 result=0
	if python3 -m lab bake >.cache/log/bake.log 2>&1; then
		$(MAKE) --no-print-directory molecule || molecule=$$?
	else
		molecule=$$?
		cat .cache/log/bake.log >&2
		printf '\nmake test: no golden image\n' >&2
	fi
	printf '\n== Static checks and tests without hosts, which ran meanwhile\n'
	wait "$$checks" || result=$$?
	cat .cache/log/checks.log
	(( result == 0 && molecule == 0 )) || { printf '\nmake test: failed (checks: %d, molecule: %d)\n' "$$result" "$$molecule" >&2; exit 1; }
	printf '\nmake test: everything passed, %d s\n' "$$((SECONDS - begin))"

.PHONY: test-vm
test-vm: setup-vm ## Two Vagrant machines: DRBD, SELinux, fencing, a power cut (25 to 50 minutes without KVM; see docs/testing.md)
	begin=$$SECONDS
	trap 'python3 -m lab.vm down' EXIT
	python3 -m lab.vm down
	$(call step,box and libvirt,python3 -m lab.vm up)
	python3 -m lab.vm test
	printf '\nmake test-vm: everything passed, %d s\n' "$$((SECONDS - begin))"

.PHONY: test-vm-short
test-vm-short: ## The same without the second deployment and the faults of disk and link: deploy, call, power cut (half the time)
	DIALTONE_VM_REPEAT=syntax DIALTONE_VM_FAULTS=syntax $(MAKE) --no-print-directory test-vm

.PHONY: static
static: setup sanity lint docs-site ## Static checks

.PHONY: lint
lint: setup
	$(call step,yamllint,yamllint --strict .)
	# Not in the user's ~/.ansible: molecule leaves a copy of the collection there, which would be taken for this one.
	$(call step,ansible-lint,ANSIBLE_HOME=$(CURDIR)/.cache/ansible-lint ansible-lint --offline --strict)
	$(call step,ruff,ruff check)
	$(call step,mypy,tools/typecheck.sh)
	$(call step,shellcheck,shellcheck $(SHELL_SCRIPTS))
	$(call step,role READMEs are current,python3 tools/role_readme.py --check)
	$(call step,changelog fragments,antsibull-changelog lint)
	$(call step,playbooks parse,ansible-playbook -i lab/inventories/containers --syntax-check playbooks/*.yml >/dev/null)

.PHONY: docs-site
docs-site: setup ## The documentation as a site, in .cache/site/html; a link that leads nowhere is an error
	$(call step,documentation site,tools/docs_site.sh)

.PHONY: sanity
sanity: setup ## ansible-test sanity; one test: tools/sanity.sh --test NAME
	$(call step,ansible-test sanity,tools/sanity.sh)

.PHONY: unit
unit: setup ## Unit tests
	$(call step,unit tests,$(pytest) tests/unit)

.PHONY: integration
integration: setup ## Modules against real pcs on offline CIBs, and two real MariaDB servers
	$(call step,integration tests,$(pytest) tests/integration)

.PHONY: molecule
molecule: setup ## Two systemd-nspawn hosts: deploy, call, kill; the lab stays up
	# --destroy=never keeps molecule from destroying at the beginning too, and it skips `create` when it remembers hosts.
	molecule destroy --scenario-name nspawn
	$(call step,molecule nspawn,molecule test --scenario-name nspawn --destroy never)

.PHONY: molecule-long
molecule-long: setup ## What takes long on two such hosts, made anew (40 minutes; not in `make test`); the lab stays up
	molecule destroy --scenario-name nspawn
	molecule create --scenario-name nspawn
	$(call step,long tests of fresh hosts,$(long_tests)/fresh)
	molecule converge --scenario-name nspawn
	$(call step,long tests of the deployed hosts,$(long_tests)/deployed)

.PHONY: esxi
esxi: setup ## Machines on a simulated ESXi host and a simulated vCenter
	$(call step,molecule esxi,molecule test --scenario-name esxi)

.PHONY: interruption
interruption: setup-demo ## Kill site.yml at KILLS random moments (10; SEED), run it again, compare (half an hour; not in `make test`)
	$(call step,interrupted deployments,python3 -m lab.interruption --kills $(or $(KILLS),10) --seed $(or $(SEED),1))

.PHONY: takeover
takeover: setup-demo ## Deploy a pair as the commit FROM did, then this version's site.yml beside calls: none may be lost (ten minutes; not in `make test`)
	$(call step,takeover,python3 -m lab.takeover --from $(or $(FROM),$(error which commit? make takeover FROM=HEAD~1)))

.PHONY: exchanges
exchanges: setup-demo ## Two exchanges in one inventory: one fails midway, the other takes a call (ten minutes; not in `make test`); the first stays up
	$(call step,two exchanges,python3 -m lab.exchanges)

.PHONY: el-packages
el-packages: setup-demo ## What the roles install on EL 9 and 10, with dnf on a tree that is taken for it
	$(call step,packages of EL,python3 -m lab.el_packages)

.PHONY: source-build
source-build: setup-demo ## Asterisk's source build in a Debian 13 tree, checked and started (5 minutes; not in `make test`)
	$(call step,source build,python3 -m lab.source_build)

##@ Work on the collection

.PHONY: setup
setup: ## Packages, .venv and the collection's link, for everything below and above
	tools/setup.sh test

.PHONY: setup-demo
setup-demo:
	tools/setup.sh demo

.PHONY: setup-vm
setup-vm:
	tools/setup.sh vm

.PHONY: docs
docs: setup ## Generate the README of every role from its argument specs
	python3 tools/role_readme.py

.PHONY: build
build: setup ## The artifact, in .cache/artifact
	python3 -m tools.artifact .cache/artifact

.PHONY: release
release: setup ## Turn the changelog fragments into the entry of galaxy.yml's version
	antsibull-changelog release

.PHONY: clean
clean: ## Remove what tests and builds left in the checkout (not .venv, not the lab)
	rm -rf .cache/sanity .cache/artifact .cache/pycache .cache/site .mypy_cache .pytest_cache .ruff_cache

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " }
	  /^##@ / { printf "\n%s\n", substr($$0, 5) }
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
