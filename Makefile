# Two commands matter: make ask Q="…" and make test. Both make the environment first.
# make train does all stages of the core's training (docs/training.md), make rehearse does them tiny.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
Q ?= What is 15% of 80?

.PHONY: ask test check env dev train rehearse clean

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

# which work folder, data, teacher, how long: make train TRAIN="--minutes 60 --work build/t5"
train: dev
	$(BIN)/python -m training.run $(TRAIN)

rehearse: dev
	$(BIN)/python -m training.run --rehearse --work build/rehearsal

clean:
	rm -rf $(VENV) build dist *.egg-info
