# Everything a checkout needs; each target stands alone and starts from nothing.
# Only python3 (>= 3.11), cargo, a C linker and make are taken from the machine.
PYTHON ?= python3
VENV   ?= .venv
EXTRAS ?= cli,test,dev
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
JOBS   ?= 2
# pip finds maturin through PATH because the build is not isolated.
export PATH := $(CURDIR)/$(BIN):$(PATH)
RUST   := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: demo test lint bench docs wheel soak doctor lock clean
.DEFAULT_GOAL := test

$(VENV)/.deps: pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory doctor
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt maturin
	@touch $@

$(VENV)/.built: $(VENV)/.deps $(RUST)
	$(PIP) install --quiet --no-build-isolation -c constraints.txt --editable ".[$(EXTRAS)]"
	@touch $@

demo: $(VENV)/.built
	$(BIN)/dlms-fw demo

test: $(VENV)/.built
	cargo test --quiet --locked -p dlms-fw-core
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not soak" --benchmark-disable

soak: $(VENV)/.built
	$(BIN)/python -m pytest -q -n $(JOBS) -m soak --benchmark-disable --timeout 3600

bench: $(VENV)/.built
	$(BIN)/python -m pytest -q benches --benchmark-only --benchmark-columns=min,median,rounds,ops

lint: $(VENV)/.built
	cargo fmt --all --check
	cargo clippy --quiet --locked --all-targets --workspace -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=python $(BIN)/python -m mypy.stubtest --allowlist tests/stubtest_allowlist.txt dlms_fw._core

doctor:
	@$(PYTHON) scripts/doctor.py

lock: $(VENV)/.built
	$(PIP) freeze --exclude-editable > constraints.txt

clean:
	rm -rf $(VENV) target dist build
