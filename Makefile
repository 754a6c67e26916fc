# Headrace: `make` lists the targets. Only Go, make and git are needed; what else
# a target wants, it installs or skips with a line that says so.

GO          ?= go
ADDR        ?= 127.0.0.1:8080
ROOT        ?= docs
COUNT       ?= 1
SHORT       ?=
FUZZTIME    ?= 10s
DURATION    ?= 10m
PROGRAMS    ?= 9000
MODEL_SEED  ?= 0
SCENARIO    ?=
PEERS       ?=
ROUNDS      ?=
REF         ?= HEAD~1
FILES       ?= docs/benchmarks/results.json.gz
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0

# The packages whose tests run on whatever engine HEADRACE_BACKEND names.
ANY_ENGINE   = ./runtime ./runtime/fiber ./runtime/stdnet/... ./runtime/tlsfiber/... ./examples/...
PRESENT      = $(foreach p,$(ANY_ENGINE),$(if $(wildcard $(patsubst %/...,%,$(p))),$(p)))
OTHER        = epoll portable
# Go leaves folders that begin with a dot out of ./...
ALL          = ./... ./.ci/kernels/...
# Modules inside this one have dependencies that the library must not have.
MODULES      = $(patsubst %/go.mod,%,$(wildcard */go.mod */*/go.mod */*/*/go.mod))
# Of these, those that are other protocols on our connections: for every engine.
PROTOCOLS    = $(filter runtime/%,$(MODULES))

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: run
run: ## serve docs/ on the best engine this kernel allows (ADDR=, ROOT=)
	$(GO) run ./examples/fileserver -addr $(ADDR) -root $(ROOT)

.PHONY: probe
probe: ## tell which engine this machine gets, and why
	$(GO) run ./ring/cmd/ringprobe

.PHONY: test
test: ## run all tests, and those of the runtime on every engine
	$(GO) test -shuffle=on -timeout 15m $(ALL)
	for b in $(OTHER); do echo "# engine $$b"; \
	  HEADRACE_BACKEND=$$b $(GO) test -shuffle=on -timeout 15m $(PRESENT) || exit 1; done

.PHONY: race
race: ## the same with the race detector (COUNT= times, SHORT=-short for smaller tests)
	$(GO) test -race $(SHORT) -count=$(COUNT) -timeout 30m ./...
	for b in $(OTHER); do echo "# engine $$b"; \
	  HEADRACE_BACKEND=$$b $(GO) test -race $(SHORT) -count=$(COUNT) -timeout 30m $(PRESENT) || exit 1; done

.PHONY: bytes
bytes: ## the tests of large transfers and of thousands of peers, on every engine (some minutes)
	for b in io_uring $(OTHER); do echo "# engine $$b"; \
	  HEADRACE_BIG=1 HEADRACE_BACKEND=$$b $(GO) test -count=1 -timeout 15m ./runtime \
	  -run 'TestBytesMatrix|TestCrowd|Slow|OwnMemory|Beyond4GiB' || exit 1; done

.PHONY: invariants
invariants: ## the tests of the library with buffer checks compiled in
	$(GO) test -tags invariants $(SHORT) -timeout 15m ./buffers ./runtime/... ./fallback/...

.PHONY: modules
modules: ## test the modules inside this one: bench, other protocols, examples with more dependencies
	for m in $(MODULES); do echo "# module $$m"; (cd $$m && $(GO) test ./...) || exit 1; done
	for b in io_uring $(OTHER); do for m in $(PROTOCOLS); do echo "# module $$m, engine $$b"; \
	  (cd $$m && HEADRACE_BACKEND=$$b $(GO) test -race -count=1 ./...) || exit 1; done; done

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, and that go.mod is tidy
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt these files:" $$files; exit 1; }
	$(GO) vet $(ALL)
	$(GO) vet -tags invariants ./...
	for m in $(MODULES); do (cd $$m && $(GO) vet ./...) || exit 1; done
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff

.PHONY: vuln
vuln: ## look for known vulnerabilities in what we depend on
	.ci/vuln $(GOVULNCHECK)

.PHONY: cross
cross: ## compile everything, tests too, for other systems
	.ci/cross

.PHONY: serve
serve: ## have curl, wrk and Chromium fetch from what `make run` serves
	.ci/serve

.PHONY: examples
examples: ## build the examples and the probe into bin/
	$(GO) build -o bin/ ./examples/... ./ring/cmd/...

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

.PHONY: model
model: ## run PROGRAMS random programs against a model, on every engine, plain and under faults (MODEL_SEED=)
	cd runtime/modeltest && $(GO) test -count=1 -timeout 24h -model.programs=$(PROGRAMS) -model.seed=$(MODEL_SEED)

# What bench and bench-compare are asked for; what is not set is theirs to choose.
PICK         = $(if $(SCENARIO),-scenario "$(SCENARIO)") $(if $(PEERS),-peers "$(PEERS)") $(if $(ROUNDS),-rounds $(ROUNDS))

.PHONY: bench
bench: ## compare with other libraries (SCENARIO=, PEERS=, ROUNDS=); about 20 minutes
	cd bench && $(GO) run ./cmd/bench $(PICK)

.PHONY: bench-smoke
bench-smoke: ## check in seconds that the benchmarks work
	$(GO) test -run '^$$' -bench . -benchtime 10x ./ring ./buffers ./runtime/...
	cd bench && $(GO) run ./cmd/bench -smoke

.PHONY: bench-compare
bench-compare: ## compare the examples with those of another commit (REF=, SCENARIO=, PEERS=, ROUNDS=)
	cd bench && $(GO) run ./cmd/compare -ref $(REF) $(PICK)

.PHONY: bench-publish
bench-publish: ## make docs/benchmarks/ of results (FILES="bench/results/….json …"), or again of what it has
	cd bench && $(GO) run ./cmd/report -publish ../docs/benchmarks $(abspath $(FILES))

.PHONY: soak
soak: ## run all examples under mixed load for DURATION (10m); samples and plot in .cache/soak
	mkdir -p .cache/soak
	$(GO) run ./examples/soak -duration $(DURATION) -out .cache/soak

.PHONY: soak-short
soak-short: ## the same for one minute, with fewer clients and no word on short stalls
	$(GO) run ./examples/soak -duration 1m -clients 200 -max-stall 1s

.PHONY: test-kernels
test-kernels: ## boot older kernels in an emulator and test there (KERNELS="5.10 6.1 6.12")
	.ci/kernels/run

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .cache
