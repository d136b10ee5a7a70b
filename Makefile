# The commands of this checkout; CMake does the work. `make help` tells them.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash

PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60

# ccache helps where it is installed; nothing needs it.
ifneq ($(shell command -v ccache 2>/dev/null),)
  export CMAKE_CXX_COMPILER_LAUNCHER ?= ccache
endif
export PREFIX DESTDIR JOBS FUZZ_SECONDS

.PHONY: help deps build programs run lab check bench format lint fuzz install clean

help: ## list these commands
	@echo "resolve64: a DNS64 resolver. Commands:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

deps: ## install the Debian packages that the other commands need, and nothing else
	@tools/deps

build: ## build the programs: build/release/src/resolve64 and resolve64ctl
	@tools/deps build
	@$(MAKE) --no-print-directory programs

programs:
	@mkdir -p build
	@cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log >&2; exit 1; }
	@cmake --build --preset release -j $(JOBS)

run: ## build, then run the resolver on [::1]:5300 and 127.0.0.1:5300
	@tools/deps build run
	@$(MAKE) --no-print-directory programs
	@exec tools/run

lab: ## a small Internet on this machine: name servers, NAT64, web server, IPv6-only clients
	@tools/deps build run lab
	@$(MAKE) --no-print-directory programs
	@exec tools/lab

check: ## build and test everything, with sanitizers, clang-format and clang-tidy
	@tools/deps build run lab check
	@tools/clients
	@exec tools/check

bench: ## measure resolve64 beside other resolvers (40 minutes; BENCH=--quick: 7)
	@tools/deps build bench
	@exec tools/bench $(BENCH)

format: ## format the sources with clang-format
	@tools/format

lint: ## clang-format and clang-tidy, as `make check` runs them
	@tools/deps build check
	@exec tools/check format tidy

fuzz: ## run each fuzz target for FUZZ_SECONDS (60) on its corpus
	@tools/deps build check fuzz
	@exec tools/fuzz

install: ## install below PREFIX (/usr/local), DESTDIR respected
	@[ -x "$${R64_BIN_DIR:-build/release/src}/resolve64" ] || { echo "Run 'make build' first." >&2; exit 1; }
	@exec tools/install

clean: ## remove what was built
	@rm -rf build
