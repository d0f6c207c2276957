# Bongsu. `make help` lists the targets; README.md says what to run first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help deps deps-test build web demo test fuzz asan lint bench card score soak clean

BIN      := bin
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -X bongsu/edge/cmd.Version=$(VERSION) -X bongsu/cloud/cmd.Version=$(VERSION)
WEB      := cloud/console/web
ORT      := .deps/onnxruntime/libonnxruntime.so.1
WEB_SRC  := $(shell find $(WEB)/src $(WEB)/build.mjs $(WEB)/package-lock.json -type f 2>/dev/null)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables of demo: CAMERA=rtsp://host/path  MODEL=name-or-file  VIDEOS='a.mp4 b.mp4'  ADDR=127.0.0.1:8080  DEMO_DIR=demo-data  DEMO_CACHE=folder"

deps: ## install what a build needs (says first what it will do; asks sudo when not root)
	@bash deploy/deps/install.sh build

deps-test: deps ## and what the tests need besides: a browser, FFmpeg's program, GStreamer's RTSP server
	@bash deploy/deps/install.sh test

$(WEB)/dist/index.html: $(WEB_SRC)
	@cd $(WEB) && npm run --silent build

web: deps $(WEB)/dist/index.html

build: web ## the programs into bin/
	@mkdir -p $(BIN)
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/bongsu-edge ./edge/cmd/bongsu-edge
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/bongsu-cloud ./cloud/cmd/bongsu-cloud
	go build -trimpath -o $(BIN)/ ./deploy/demo/cmd/bongsu-demo ./deploy/demo/cmd/bongsu-camera
	@install -D -m 0644 $(ORT) $(BIN)/lib/libonnxruntime.so.1

demo: build ## the whole product on this machine, with simulated cameras; Ctrl-C stops it
	@$(BIN)/bongsu-demo

test: deps-test web ## every test, with the race detector
	@bash deploy/deps/test.sh

fuzz: deps-test ## every fuzz target, FUZZTIME=10s each
	@bash deploy/deps/fuzz.sh

asan: deps-test ## the C code under AddressSanitizer and its leak finder, 10,000 pictures
	BONGSU_LONG=1 BONGSU_ORT_LIB=$(CURDIR)/$(ORT) LSAN_OPTIONS=suppressions=$(CURDIR)/streams/avcodec/testdata/lsan.supp \
	  bash -c 'go test -count=1 -v -asan -run TestTenThousandPictures ./streams/avcodec && go test -count=1 -asan ./models/tensor'

lint: web ## static checks and the budgets of .golangci.yml
	@bash deploy/deps/lint.sh

bench: build deps-test ## the figures that the documents quote
	@bash benchmarks/run.sh

card: build ## the scores that the card of the default model quotes: renders 1,600 pictures first (minutes)
	@BONGSU_EDGE=$(CURDIR)/$(BIN)/bongsu-edge BONGSU_ORT_LIB=$(CURDIR)/$(ORT) bash models/train/card.sh

score: build ## every rule against truth: simulated suites, real clips of BONGSU_DATA; SHORT=1 only looks whether it works
	@bash benchmarks/score.sh

soak: deps-test web ## the long form of every fault row, and SOAK=60m with faults throughout
	@bash benchmarks/soak.sh

clean: ## remove what was built (what deps fetched stays in .deps)
	rm -rf $(BIN) build demo-data $(WEB)/node_modules
	find $(WEB)/dist -mindepth 1 ! -name .keep -delete
