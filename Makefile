# What people do here, by name. .ci/run does all of it.

GO        ?= go
COMPOSE   ?= docker compose
BIN       := $(CURDIR)/.cache/bin
FUZZTIME  ?= 20000x
BENCH     ?= .
BENCHTIME ?= 1s

# What no request waits for: the command line, the suite, the comparison of
# contracts, made-up data, Kafka's many messages. Without inlining the file is
# a tenth smaller; batches of Kafka notices are a tenth slower, calls are not.
COLD := ./cmd/... ./scenarios/... ./contracttest/... ./internal/specdiff ./internal/redirect ./internal/har \
	github.com/twmb/franz-go/... github.com/oasdiff/... \
	github.com/brianvoe/... github.com/spf13/... github.com/knadh/... github.com/go-viper/... \
	github.com/mitchellh/... github.com/tidwall/... github.com/wI2L/... github.com/jstemmer/... \
	go.yaml.in/... golang.org/x/text/... software.sslmate.com/... \
	maragu.dev/... text/template text/template/parse html/template encoding/xml encoding/asn1 crypto/x509 crypto/x509/... \
	image/... go/... archive/... vendor/golang.org/x/net/... regexp/syntax

# What a release has a binary for; the image is made of those for Linux.
PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64 windows-arm64
STATIC    := CGO_ENABLED=0 $(GO) build -modfile=.cache/slim/go.mod -trimpath -ldflags '-s -w' $(COLD:%='-gcflags=%=-l')

GOLANGCI_LINT := 2.15.0
GOVULNCHECK   := 1.8.0

.PHONY: help test race lint fmt fuzz bench bench-floor cover vuln fresh swagger-ui build dist compose ci clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

test: ## all tests: no broker, no Docker, no account
	$(GO) test ./...

# What one goroutine does after the other tells the race detector nothing, and
# takes it an hour. Of the suite and the commands it sees what several do.
race: ## what several goroutines do, under the race detector, the long ones shortened
	$(GO) test -race -short -skip 'TestTenThousandSteps|TestControlMutatedStates|TestLibraryPage' \
		./emulator/... ./emutest ./scenarios ./internal/redirect ./internal/clock ./internal/har ./internal/seal ./internal/spec ./examples/...
	$(GO) test -race -short -run 'TestEmulator$$|TestObserverBounds|TestRun|TestHostServer$$|TestWatch|TestRate|TestMaxTime|TestServedPushes|TestProxy|TestScript' \
		./contracttest/... ./cmd/emu

lint: $(BIN)/golangci-lint-$(GOLANGCI_LINT) ## go vet, golangci-lint and the linter of the contract
	$(GO) vet ./...
	$< run ./...
	.ci/lint-spec

fmt: $(BIN)/golangci-lint-$(GOLANGCI_LINT) ## write all Go files in the one format
	$< fmt

fuzz: ## every fuzz target FUZZTIME times (20000x)
	.ci/fuzz $(FUZZTIME)

bench: ## the Go benchmarks
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...

bench-floor: ## requests per second and CPU time against a bare net/http server
	.ci/bench-floor $(BENCHARGS)

cover: ## statement coverage of all packages by all tests
	@mkdir -p .cache
	$(GO) test -coverpkg=./... -coverprofile=.cache/cover.out ./...
	$(GO) tool cover -func=.cache/cover.out | tail -1

vuln: $(BIN)/govulncheck-$(GOVULNCHECK) ## known vulnerabilities in what is linked
	$< ./...

fresh: ## go.mod and go.sum say what the code needs
	$(GO) mod tidy -diff
	$(GO) mod verify

swagger-ui: ## fetch what the page /_emu/docs is made of, by checksum
	.ci/fetch-swagger-ui

.PHONY: slim
slim:
	@.ci/slim/prepare

build: slim ## dist/emu: one static file, and the same for an image
	$(STATIC) -o dist/emu ./cmd/emu
	@if [ "$$($(GO) env GOOS)" = linux ]; then ln -f dist/emu "dist/emu-linux-$$($(GO) env GOARCH)"; \
	else GOOS=linux $(STATIC) -o "dist/emu-linux-$$($(GO) env GOARCH)" ./cmd/emu; fi

dist: $(PLATFORMS:%=dist-%) ## the binaries of a release in dist, with SHA256SUMS
	cd dist && sha256sum $(foreach p,$(PLATFORMS),emu-$(p)$(if $(filter windows-%,$(p)),.exe)) >SHA256SUMS

dist-%: slim
	GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) \
		$(STATIC) -o dist/emu-$*$(if $(filter windows-%,$*),.exe) ./cmd/emu

.PHONY: dist/go-service
dist/go-service: slim
	GOOS=linux $(STATIC) -o dist/go-service ./examples/go-service

compose: build dist/go-service ## an emulator, Kafka and the sample service in containers
	$(COMPOSE) -f examples/compose/compose.yaml up --build

ci: ## everything, as a machine without anything does it
	.ci/run

clean: ## what the other targets made, the downloads included
	rm -rf dist .cache

$(BIN)/golangci-lint-$(GOLANGCI_LINT):
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_LINT)
	mv $(BIN)/golangci-lint $@

$(BIN)/govulncheck-$(GOVULNCHECK):
	GOBIN=$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK)
	mv $(BIN)/govulncheck $@
