# The front door. Every target sets up what it needs; the first run takes longer.
# What `make test` checks before it tests takes two cores.
MAKEFLAGS += --no-print-directory --jobs=2
SHELL := /bin/bash
BIN := node_modules/.bin
# The node package brings the right Node whatever the machine has.
export PATH := $(CURDIR)/node_modules/node/bin:$(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup build demo demo-cluster test test-fast test-cluster test-chart test-loader lint typecheck format verify-format generate verify-generated bench image clean

## Shows this help
help:
	@awk '/^## /{text=substr($$0,4);next} /^[a-z-]+:/{if(text){sub(/:.*/,"");printf "  make %-18s %s\n",$$0,text};text=""}' $(MAKEFILE_LIST)

node_modules/.installed: package.json package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

## Installs the dependencies, Node 24 among them
setup: node_modules/.installed

dist/main.js: node_modules/.installed tsconfig.json tsconfig.build.json $(shell find src -name '*.ts')
	@rm -rf dist
	tsc -p tsconfig.build.json
	@touch $@

## Compiles to dist/
build: dist/main.js

## Shows the main job without a cluster: an annotated Deployment, and the pod that comes out
demo: dist/main.js
	@node examples/demo.ts

## Shows the product in a real cluster, from helm install to the app's log line (root; built once, about ten minutes)
demo-cluster: dist/main.js
	@node examples/demo-cluster.ts

## Runs every test: types, lint, fast tests, the loader against a real S3 server, and those on a real API server
test: typecheck lint verify-format verify-generated dist/main.js
	@node test/run.ts test/unit test/property test/golden test/integration test/monitoring test/audit test/publish test/identity test/loader test/chart test/render test/cluster

## Runs the tests that need nothing but Node
test-fast: dist/main.js
	@node test/run.ts test/unit test/property test/golden test/integration

## Runs the tests on a real API server
test-cluster: dist/main.js
	@node test/run.ts test/cluster

## Runs the tests of the Helm chart
test-chart: dist/main.js
	@node test/run.ts test/chart

## Runs both loader engines against a real S3 server behind a proxy that injects faults
test-loader: dist/main.js
	@node test/run.ts test/unit/loader test/loader

## Checks the types
typecheck: node_modules/.installed
	tsc -p tsconfig.json

## Lints with type information
lint: node_modules/.installed
	eslint .

## Formats the sources
format: node_modules/.installed
	biome format --write .

verify-format: node_modules/.installed
	biome format .

## Writes the pages that are made from the code
generate: dist/main.js
	@node deploy/chart/generate-policies.ts
	@node deploy/chart/generate.ts
	@node docs/generate.ts

verify-generated: dist/main.js
	@node deploy/chart/generate-policies.ts --check
	@node deploy/chart/generate.ts --check
	@node docs/generate.ts --check

## Measures the CPU time of an admission, and loading beside s5cmd, each against a baseline in the same run
bench: dist/main.js
	@node bench/admission.ts
	@node bench/loader.ts

## Builds the image (needs docker)
image:
	docker build -t model-injector:$$(node -p 'require("./package.json").version') .

## Removes what was built
clean:
	rm -rf dist .tap node_modules
