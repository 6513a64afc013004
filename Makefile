# Every target is one line of text: `make` prints them.
.DEFAULT_GOAL := help
.PHONY: package help build run test race fuzz sim e2e interop golden bench lint linter torture

GO      ?= go
SEED    ?= 0
HOURS   ?= 1
TIME    ?= 30s
TORTURE ?= 200
RELEASE ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
SOURCES := $(shell find . -name '*.go' -not -path './.git/*') go.mod go.sum

help: ## print this list
	@sed -n 's/^\([a-z0-9]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

build: bin/leasehold ## build bin/leasehold

bin/leasehold: $(SOURCES)
	$(GO) build -trimpath -ldflags '-X main.release=$(RELEASE)' -o $@ ./cmd/leasehold

run: build ## serve real exchanges in private namespaces until Ctrl-C
	bin/leasehold demo

test: ## run every test that a fresh machine with Go, gcc and make can run
	$(GO) test -timeout 30m ./...

race: ## run the tests with the race detector, without real clients
	$(GO) test -race -short ./...

fuzz: ## run every fuzz target for TIME each (TIME=30s)
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do \
		$(GO) test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(TIME) "$$(dirname $$file)" || exit 1; done

sim: ## simulate pairs under faults (SEED=… HOURS=…; SEED=0 takes a new one)
	SEED=$(SEED) HOURS=$(HOURS) $(GO) test -count=1 -run '^TestSimulation$$' -timeout 0 -v ./server/...

e2e: ## run the end-to-end tests with real DHCP clients, in namespaces
	$(GO) test -count=1 -run '^TestEndToEnd' ./server/... ./cmd/...

torture: ## kill servers under load, TORTURE times for each family and database (TORTURE=200)
	TORTURE=$(TORTURE) $(GO) test -count=1 -timeout 0 -v -run '^TestEndToEndKill' ./cmd/leasehold/e2e

interop: build ## run the tests against an installed Kea as partner
	INTEROP=1 $(GO) test -count=1 -run '^TestInterop' ./server/... ./cmd/...

golden: ## rewrite transcripts; read the diff
	UPDATE=1 $(GO) test -count=1 ./...

bench: build ## run the benchmarks, then Kea beside us where it is installed (BENCH="--quick --json FILE")
	$(GO) test -run '^$$' -bench . -benchmem ./...
	bin/leasehold bench beside $(BENCH)

STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

lint: ## check formatting, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) -checks inherit,-ST1005 ./...

linter: # fetch what lint runs
	$(STATICCHECK) -version

NFPM       ?= $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4
MAINTAINER ?= Leasehold <leasehold@users.noreply.github.com>
FORMATS    ?= deb rpm
ARCHES     ?= $(shell $(GO) env GOARCH)
DIST       ?= dist
VERSION    := $(if $(filter v%,$(RELEASE)),$(patsubst v%,%,$(RELEASE)),0.0.0~$(RELEASE))
# SQLite is C: another architecture needs its compiler.
export CC_amd64 ?= x86_64-linux-gnu-gcc
export CC_arm64 ?= aarch64-linux-gnu-gcc

package: build ## build packages into dist/ (FORMATS="deb rpm" ARCHES="amd64 arm64")
	rm -rf $(DIST) && mkdir -p $(DIST)/man $(DIST)/completion
	bin/leasehold man $(DIST)/man && gzip -9n $(DIST)/man/*
	bin/leasehold completion bash >$(DIST)/completion/leasehold.bash
	bin/leasehold completion zsh >$(DIST)/completion/_leasehold
	bin/leasehold completion fish >$(DIST)/completion/leasehold.fish
	set -e; for arch in $(ARCHES); do \
		CGO_ENABLED=1 GOARCH=$$arch CC=$$(printenv CC_$$arch) $(GO) build -trimpath \
			-ldflags '-s -w -X main.release=$(RELEASE)' -o $(DIST)/leasehold ./cmd/leasehold; \
		for f in $(FORMATS); do \
			ARCH=$$arch VERSION='$(VERSION)' MAINTAINER='$(MAINTAINER)' DIST='$(DIST)' \
			$(NFPM) package -f cmd/leasehold/packaging/nfpm.yaml -p $$f -t $(DIST); done; done
