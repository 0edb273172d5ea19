# Everything a checkout needs; each target stands alone and starts from nothing.
# Only python3 (>= 3.11), cargo, a C linker and make are taken from the machine.
PYTHON ?= python3
VENV   ?= .venv
EXTRAS ?= cli,test,dev
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
# More than there are cores: many tests wait for processes that they have started.
JOBS   ?= 3
# pip finds maturin through PATH because the build is not isolated.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Processes that are started by the hundred start four times as fast when their modules are compiled already.
export PYTHONDONTWRITEBYTECODE :=
RUST   := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: demo test test-core test-python lint bench bench-all instructions docs wheel soak doctor lock clean
.DEFAULT_GOAL := test

$(VENV)/.deps: pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory doctor
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt maturin
	@touch $@

$(VENV)/.built: $(VENV)/.deps $(RUST)
	$(PIP) install --quiet --no-build-isolation -c constraints.txt --editable ".[$(EXTRAS)]"
	@touch $@

# Referees of the tests, in an environment of their own, so that nothing of ours can import them.
$(VENV)/.peers: $(VENV)/.deps tests/peers/requirements.txt
	@test -x $(VENV)/peers/bin/python || $(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip --disable-pip-version-check install --quiet -r tests/peers/requirements.txt
	@touch $@

demo: $(VENV)/.built
	$(BIN)/dlms-fw demo

# The core is compiled and tested while the extension is built and the tests of Python wait for their processes.
test: $(VENV)/.deps
	@$(MAKE) --no-print-directory -j3 test-core test-python

test-core:
	MAKEFLAGS= RUST_MIN_STACK=33554432 CARGO_INCREMENTAL=0 nice cargo test --quiet --locked -p dlms-fw-core

test-python: $(VENV)/.built $(VENV)/.peers
	$(BIN)/python -m compileall -q python tests
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not soak" --benchmark-disable

soak: $(VENV)/.built $(VENV)/.peers
	cargo test --release --quiet --locked -p dlms-fw-core --test damage -- --ignored
	$(BIN)/python -m pytest -q -n $(JOBS) -m "soak or rotating" --rotate-all --benchmark-disable --timeout 3600

# The rows of docs/benchmarking.md, each beside its baseline.
bench: $(VENV)/.built $(VENV)/.peers
	$(BIN)/python -m benches

# Every step and every strategy, beside a reference each.
bench-all: $(VENV)/.built $(VENV)/.peers
	$(BIN)/python -m pytest -q benches --benchmark-only --benchmark-disable-gc --benchmark-columns=min,median,rounds

# What the hot functions of the core cost in instructions, against benches/instructions/counts.toml; UPDATE=1 takes over.
instructions: $(VENV)/.deps
	@command -v valgrind >/dev/null || { echo "valgrind is missing: on Debian install valgrind"; exit 1; }
	cargo build --release --quiet --locked -p dlms-fw-benches
	$(BIN)/python -m benches.instructions $(if $(UPDATE),--update) $${CARGO_TARGET_DIR:-target}/release/run-case

lint: $(VENV)/.built
	cargo fmt --all --check
	cargo clippy --quiet --locked --all-targets --workspace -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=python $(BIN)/python -m mypy.stubtest --allowlist tests/stubtest_allowlist.txt dlms_fw._core

# Each thing that can be missing is named in one line, with the way to get it.
doctor:
	@command -v $(PYTHON) >/dev/null || { echo "doctor: $(PYTHON) is missing: install Python 3.11 or newer, or name one: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "doctor: $(PYTHON) is older than 3.11: name a newer one: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "doctor: $(PYTHON) lacks venv or ensurepip: on Debian install python3-venv"; exit 1; }
	@command -v cargo >/dev/null || { echo "doctor: cargo is missing: install Rust 1.89 or newer"; exit 1; }
	@command -v cc >/dev/null || { echo "doctor: a C linker (cc) is missing: on Debian install gcc"; exit 1; }
	@echo "doctor: all there: $$($(PYTHON) --version), $$(cargo --version)"

# A wheel that has proved itself: installed alone into an empty environment, it runs the demo.
wheel: $(VENV)/.deps
	rm -rf dist build/wheel-venv
	$(BIN)/maturin build --release --locked --out dist
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt "$$(ls dist/*.whl)[cli]"
	cd build && wheel-venv/bin/dlms-fw demo

$(VENV)/.docs: $(VENV)/.built
	$(PIP) install --quiet --no-build-isolation -c constraints.txt --editable ".[$(EXTRAS),docs]"
	@touch $@

# Warnings are errors: a page that is not linked, or links nowhere, fails.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "docs: build/docs/index.html"

lock: $(VENV)/.docs
	$(PIP) freeze --exclude-editable > constraints.txt

clean:
	rm -rf $(VENV) target dist build
