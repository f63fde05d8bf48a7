# Two commands are enough to begin with: `make run` and `make test`.

# The system's own, if it is new enough: distributions build it to be fast, which one for
# developers need not be, and mend it.
PYTHON ?= $(shell sh tests/python.sh)
BIN := .venv/bin
PYTEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: help run test slow fuzz bench bench-admission bench-selection unit check packages clean

help:
	@echo "make run    try it: a small site with a bastion in front, on loopback only"
	@echo "make test   the whole test suite, against real SSH programs"
	@echo "make slow   the tests that move gigabytes"
	@echo "make fuzz   twenty times the fuzzing of the tests, and never the same"
	@echo "make bench  the performance, beside its peers (as root)"
	@echo "make bench-admission  a login beside 1000 that never log in (as root)"
	@echo "make bench-selection  how evenly hosts are filled: a simulation, half an hour"
	@echo "make unit   how far the systemd unit is closed (systemd-analyze)"
	@echo "make check  style and types (ruff, mypy)"
	@echo "make clean  remove what the others have made"

run: .venv/installed
	@exec $(BIN)/python -m bastion.lab

test: .venv/installed packages
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

# Some take a quarter of an hour; by themselves they end after 20 minutes.
slow: .venv/installed packages
	$(BIN)/python -m pytest -m slow -o faulthandler_timeout=1300 $(PYTEST_ARGS)

fuzz: .venv/installed
	$(BIN)/python -m pytest tests/fuzz --fuzz-times=20 --fuzz-from=$$(date +%s) $(PYTEST_ARGS)

bench: .venv/installed packages
	@sh tests/interop/packages.sh benchmarks/packages.txt
	$(BIN)/python -m benchmarks --json bench.json $(BENCH_ARGS)

bench-admission: .venv/installed packages
	$(BIN)/python -m benchmarks.admission $(BENCH_ARGS)

bench-selection: .venv/installed
	$(BIN)/python -m benchmarks.selection $(BENCH_ARGS)

# Above 2.0 it fails (in tenths).
unit:
	systemd-analyze security --offline=true --threshold=20 --no-pager etc/bastion.service

check: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The programs that the interop tests talk to: root gets them, others are told.  And
# the newest OpenSSH, in the checkout.
packages:
	@sh tests/interop/packages.sh
	@sh tests/interop/openssh.sh >/dev/null

.venv/installed: setup.cfg pyproject.toml constraints.txt
	@sh tests/venv.sh $(PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --constraint constraints.txt --editable ".[dev]"
	@touch $@

clean:
	rm -rf .venv .lab .openssh .hypothesis bench.json build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
