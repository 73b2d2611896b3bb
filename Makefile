# `make` alone explains itself. Each target is one line here; what it does is in scripts/ and xtask/.
.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt bench install lines projects faults fuzz fuzz-short deny studio shots openapi release

help: ## this
	@echo 'Freehold: a control plane for coding agents. On a fresh Debian 12 with git, make, a C compiler, Python and Rust:'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'demo and test install what is missing and say so; NO_INSTALL=1 only prints the commands.'
	@echo 'make demo AGENT=codex PROVIDER_URL=… uses a real agent; DEMO_ONCE=1 ends after the landing.'
	@echo 'One crate while working on it: cargo nextest run -p freehold-model'

demo: install release ## a card becomes a reviewed commit, before your eyes
	@scripts/demo

test: ## everything: format, lints, rules of the house, unit and integration tests
	@scripts/test

lint: ## format, clippy, and the rules of the house (seconds)
	@cargo fmt --all --check
	@cargo run --quiet --locked --package xtask -- tidy
	@cargo clippy --workspace --all-targets --locked -- -D warnings

fmt: ## format everything
	@cargo fmt --all

bench: install release ## figures, each with its command and the floor beside it
	@scripts/bench
	@scripts/install peers
	@cargo build -q --release --locked -p freehold-testkit --example runs --example requests
	@scripts/bench_api.py
	@scripts/bench_runs.py
	@scripts/bench_runs.py --crash
	@cargo build -q --release --locked -p freehold-sandbox --example start -p freehold-git --example workspace
	@scripts/bench_isolation.py

lines: ## what must work in the sandbox and what must not, each with its control outside (TIER=, PEERS=1)
	@scripts/lines

projects: ## a hundred published projects, tested outside and inside the sandbox (COUNT=12 for a dozen)
	@scripts/projects

faults: ## a thousand faults over a real installation, and what was lost, doubled and healed (FAULTS=, SECONDS=900, SEED=, ONLY=)
	@STORM_SECONDS=$(or $(SECONDS),900) scripts/faults

fuzz: ## the readers of foreign bytes, each for SECONDS_EACH=20; fuzz-short takes RUNS=2000 of the seeds
	@scripts/fuzz $(TARGETS)

fuzz-short:
	@RUNS=$${RUNS:-2000} scripts/fuzz $(TARGETS)

deny: ## licences, bans and sources of dependencies (needs cargo-deny)
	@cargo deny --locked check bans licenses sources

studio: ## the web interface, into web/dist; nothing when nothing changed
	@scripts/studio

shots: release ## pictures of every view, in both themes at two widths, into web/test-results/shots
	@PATH="$(CURDIR)/target/node/bin:$$PATH" FREEHOLD_BIN=$(CURDIR)/target/release/freehold npm run --prefix web --silent shots

openapi: ## the API's description, Studio's types of it and docs/permissions.md, from the code
	@cargo run --quiet --locked --package freehold-server --example openapi
	@npm run --prefix web --silent api

install: ## what this machine lacks for the demo
	@scripts/install

release: studio ## the program with Studio in it, into target/release
	@cargo build --release --locked
