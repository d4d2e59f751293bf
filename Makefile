# make book, make test: each sets up .venv by itself from a bare Python 3.11+ with pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: book test lab paper clean

book: $(READY)
	$(BIN)/python -m naign book

test: $(READY)
	$(BIN)/ruff check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest
	OMP_NUM_THREADS=1 NAIGN_CACHE=$(CURDIR)/_build/test/cache $(BIN)/python -m pytest --nbval-lax --nbval-current-env -p no:cacheprovider _build/test

lab: $(READY)
	$(BIN)/jupyter labextension list >/dev/null 2>&1 || true
	$(BIN)/jupyter lab book

paper: $(READY)
	$(BIN)/python -m naign record paper --jobs 4

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("naign needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[all]'
	touch $@

clean:
	rm -rf _build data/cache .pytest_cache .ruff_cache
