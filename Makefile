# The front door. Every target sets up what it needs; the first run takes longer.
# The commands stand in package.json, where npm finds them, too; this file has their order, and which of them run in parallel.
# The checks of `make test` before its tests use two cores.
MAKEFLAGS += --no-print-directory --jobs=2
SHELL := /bin/bash
BIN := node_modules/.bin
# The node package has the right Node, whatever the machine has.
export PATH := $(CURDIR)/node_modules/node/bin:$(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup check build demo demo-cluster test test-long soak test-fast test-quick test-cluster test-peers test-chart test-loader lint lint-changed typecheck format verify-format generate verify-generated unused bench bench-ratio image lock-runtime clean

## Shows this help
help:
	@awk '/^## /{text=substr($$0,4);next} /^[a-z-]+:/{if(text){sub(/:.*/,"");printf "  make %-18s %s\n",$$0,text};text=""}' $(MAKEFILE_LIST)

# npm writes it last, also when it is called without make.
INSTALLED := node_modules/.package-lock.json

$(INSTALLED): package-lock.json .npmrc
	npm ci --loglevel=error

## Installs the dependencies, Node 24 among them
setup: $(INSTALLED)

## Checks a change in less than a minute: types, lint, format, generated pages, what nothing uses, unit tests but the slow ones
check: typecheck lint-changed verify-format verify-generated unused test-quick

dist/main.js: $(INSTALLED) deploy/image/bundle.ts $(shell find src -name '*.ts')
	npm run --silent build
	@touch $@

## Bundles the program into dist/
build: dist/main.js

## Shows the main job without a cluster: an annotated Deployment, and the pod that comes out
demo: dist/main.js
	@node examples/demo.ts

## Shows the product in a real cluster, from helm install to the app's log line (root; built once, about ten minutes)
demo-cluster: dist/main.js
	@node examples/demo-cluster.ts

## Runs every test: what `make check` looks at, in full, then fast tests, the loader against a real S3 server, and those on a real API server
test: typecheck lint verify-format verify-generated unused dist/main.js
	@node test/run.ts test/unit test/property test/golden test/integration test/monitoring test/audit test/publish test/identity test/loader test/image test/chart test/render test/cluster

## Tries the laws, and what has to stay small, on ten times as many cases as `make test` (about an hour)
test-long: dist/main.js
	@node test/run.ts --long test/property test/unit/audit/laws.test.ts test/cluster/guard-loaders.test.ts test/cluster/kubectl-yaml.test.ts test/cluster/kubectl-modules.test.ts test/loader/native-scenarios.test.ts test/loader/s5cmd-scenarios.test.ts test/loader/faults.test.ts

## Sends the webhook valid, invalid and hostile requests for half an hour, with every fault of clients: no crash, no leak, no wrong answer
soak: $(INSTALLED)
	@SOAK_MINUTES=30 node test/run.ts test/integration/server/soak.test.ts

## Runs the tests that need nothing but Node: `npm test`
test-fast: $(INSTALLED)
	@npm test --silent

test-quick: $(INSTALLED)
	@npm run --silent test:quick

## Runs the tests on a real API server
test-cluster: dist/main.js
	@node test/run.ts test/cluster

## Runs the tests together with other webhooks, real and replayed, in every order (built once, about ten minutes)
test-peers: $(INSTALLED)
	@node test/run.ts test/peers

## Runs the tests of the Helm chart
test-chart: dist/main.js
	@node test/run.ts test/chart

## Runs both loader engines against a real S3 server behind a proxy that injects faults
test-loader: dist/main.js
	@node test/run.ts test/unit/loader test/loader

## Checks the types
typecheck: $(INSTALLED)
	npm run --silent typecheck

## Lints with type information
lint: $(INSTALLED)
	npm run --silent lint

# A file that did not change is not linted again, although a type that it uses may have; `make test` lints all.
lint-changed: $(INSTALLED)
	npm run --silent lint:changed

## Formats the sources
format: $(INSTALLED)
	npm run --silent format

verify-format: $(INSTALLED)
	npm run --silent format:check

## Writes the pages that are made from the code
generate: $(INSTALLED)
	npm run --silent generate

verify-generated: $(INSTALLED)
	npm run --silent generate:check

## Finds files, exports and dependencies that nothing uses
unused: $(INSTALLED)
	npm run --silent unused

## Measures the CPU time of an admission, and of loading compared with s5cmd, each against a baseline in the same run
bench: dist/main.js
	@node bench/admission.ts
	@node bench/loader.ts

## Reports the CPU time of an admission as a ratio to the least that a webhook in Node can be, in half a minute
bench-ratio: dist/main.js
	@node bench/admission.ts --slots 3 --admissions 60 --only injected --without-go

## Builds the image (needs docker with BuildKit)
image:
	docker build -t model-injector:$$(node -p 'require("./package.json").version') .

## Takes the newest C libraries of Debian and the Node of package.json into runtime.lock.json (needs Debian)
lock-runtime: $(INSTALLED)
	node deploy/image/lock-runtime.ts

## Removes what was built
clean:
	rm -rf dist .tap node_modules
