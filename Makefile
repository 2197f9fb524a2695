# Two commands matter: make ask Q="…" and make test. Both make the environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
Q ?= What is 15% of 80?

.PHONY: ask test check env train clean

env: $(VENV)/.ready
dev: $(VENV)/.ready-dev

# the CPU build of torch first: the package itself asks only for torch>=2.6
$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check torch==2.13.0 numpy
	$(BIN)/pip install -q --disable-pip-version-check -e .
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/pip install -q --disable-pip-version-check -e '.[dev,duckdb]'
	touch $@

ask: env
	@$(BIN)/mrkl ask "$(Q)"

test: dev check
	$(BIN)/python -m pytest

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) build dist *.egg-info
