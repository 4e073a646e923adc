# make help lists the targets. Scripts do what takes more than a line.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
CONFIG ?= configs/dedupgate.yaml
FUZZTIME ?= 10s
COUNT ?= 3
BENCH_ARGS ?=
TOOL := go tool -modfile=tools/go.mod

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z\/-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/dedupgate, one static file, with the dashboard where Node is installed
	@scripts/ui build --if-possible
	CGO_ENABLED=0 go build -trimpath -pgo=cmd/dedupgate/gateway.pgo -ldflags '-s -w -X main.version=$(VERSION)' -o bin/dedupgate ./cmd/dedupgate

.PHONY: ui
ui: ## build the dashboard's pages, which the program embeds; needs Node
	@scripts/ui build

.PHONY: ui/test
ui/test: ## check the dashboard's types, run its unit tests, weigh it
	@scripts/ui test

.PHONY: run
run: build ## build and serve with nothing else installed: no config, data in ./data
	@exec bin/dedupgate serve

.PHONY: test
test: ## run all tests with the race detector; installs what they need
	@scripts/test

.PHONY: test/race
test/race: ## run all tests COUNT times in random order, to find those that depend on luck
	@scripts/test -count=$(COUNT) -shuffle=on ./...

.PHONY: test/integration
test/integration: ## run, afresh, the tests of the packages that meet a real PostgreSQL or Redis
	@scripts/test -count=1 $$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '/internal\/testkit[] ]/ { print $$1 }')

.PHONY: lint
lint: ## run golangci-lint; the first time builds it
	$(TOOL) golangci-lint run

.PHONY: fmt
fmt: ## format all Go code
	$(TOOL) golangci-lint fmt

.PHONY: verify
verify: ## check formatting, tidy modules, dead code and generated files
	@scripts/verify

.PHONY: alerts
alerts: ## check Prometheus' alert rules and play their cases
	@scripts/deps prometheus
	promtool check rules configs/prometheus/dedupgate.rules.yaml
	promtool test rules configs/prometheus/dedupgate.rules.test.yaml

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME
	@FUZZTIME=$(FUZZTIME) scripts/fuzz

.PHONY: bench
bench: ## measure against the yardsticks, print ratios, write docs/benchmarks.md; takes minutes (BENCH_ARGS for more)
	@scripts/bench $(BENCH_ARGS)

.PHONY: pgo
pgo: ## profile the gateway under load anew; the profile tells the compiler what to make fast
	@BENCH_COUNT=0 scripts/bench -short -profile cmd/dedupgate/gateway.pgo

.PHONY: bench-dashboard
bench-dashboard: ## measure the dashboard's API calls on ten million receipts; takes long (BENCH_ARGS="-receipts 1000000" for less)
	@scripts/deps postgres redis
	@go run ./internal/bench/dashboard $(BENCH_ARGS)

.PHONY: migrate
migrate: build ## bring the database of CONFIG to the newest schema
	bin/dedupgate migrate up --config $(CONFIG)

.PHONY: dev/up
dev/up: ## start a PostgreSQL and a Redis to develop against
	@scripts/dev up

.PHONY: dev/down
dev/down: ## stop them; their data stays
	@scripts/dev down

.PHONY: docker
docker: ## build the container image dedupgate:VERSION
	docker build --build-arg VERSION=$(VERSION) --tag dedupgate:$(or $(VERSION),dev) .

.PHONY: deps
deps: ## install what the tests need and this machine lacks: gcc, PostgreSQL, Redis, promtool, Node
	@scripts/deps

.PHONY: clean
clean: ## remove what was built; ./data stays
	rm -rf bin dist coverage.out internal/dashboard/ui/dist/* internal/dashboard/ui/node_modules
