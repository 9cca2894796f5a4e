# klab's targets. `make help` lists them.
SHELL := /bin/bash
GO ?= go
BIN := bin/klab
FUZZTIME ?= 10m
REPEAT ?= 20

# The race detector needs a C compiler; without one the same tests run without it.
CC_FOUND := $(shell command -v $$($(GO) env CC) 2>/dev/null)
RACE := $(if $(CC_FOUND),-race,)
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help run build test race unit lint cross e2e fuzz interop bench demo clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9]+:.*## /{printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build bin/klab and open the screen
	@$(BIN)

build: ## build bin/klab
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) .

test: lint unit cross e2e ## lint, tests with the race detector, cross-builds, end-to-end tests: needs only Go

race: unit ## the tests with the race detector (without it where there is no C compiler)

unit:
	@$(if $(RACE),,echo "no C compiler: the tests run without the race detector";) \
	CGO_ENABLED=$(if $(RACE),1,0) $(GO) test $(RACE) ./...

lint: ## vet, staticcheck, gofmt
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	@$(GO) vet ./... && $(GO) vet -tags e2e,interop,bench ./e2e/...
	@$(GO) tool staticcheck ./...

cross: ## build for linux, darwin and windows on amd64 and arm64
	@for p in $(PLATFORMS); do \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o /dev/null . || { echo "cannot build for $$p"; exit 1; }; \
	done; echo "cross-builds: $(PLATFORMS)"

e2e: build ## real processes on 127.0.0.1:9093-9095: failovers, crashes, bad input (about five minutes)
	@KLAB=$(abspath $(BIN)) $(GO) test -tags e2e -count=1 -timeout 20m ./e2e/...

interop: build ## other people's software, installed first: kcat, ZooKeeper, Apache Kafka 3.9 and 4.x, tmux
	@./e2e/install
	@KLAB=$(abspath $(BIN)) $(GO) test -tags interop -count=1 -timeout 30m ./e2e/...
	@$(GO) test -tags interop -count=1 -timeout 10m ./coordinator/server/...

# Minimising an input that is merely interesting may not outlast -fuzztime: Go takes that for a hung worker.
fuzz: ## every fuzz target for FUZZTIME (10m) each
	@set -e; $(GO) list ./... | while read -r pkg; do \
	  $(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz' | while read -r f; do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg </dev/null; \
	  done; \
	done

bench: build ## speed beside Apache Kafka 3.9 where it is installed; BENCH=pattern ROUNDS=5 BENCHTIME=5s
	@KLAB=$(abspath $(BIN)) BENCH_OUT=$${BENCH_OUT:-$(abspath bin/bench.md)} $(GO) test -tags bench -count=1 -timeout 120m -run '^TestBench$$' -v ./e2e/...

demo: build ## every lesson, headless, REPEAT (20) times
	@$(BIN) demo run --all --headless --repeat $(REPEAT)

clean: ## remove what was built
	@rm -rf bin
