# make book, make test: each sets up .venv by itself from a bare Python 3.11+ with pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: book test lab paper clean

book: $(READY)
	$(BIN)/python -m naign book

# One thread: networks this small gain nothing from more, and lose much on a busy machine.
test: export OMP_NUM_THREADS := 1
test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --dist worksteal

# JupyterLab with settings of its own, so that a click on a chapter opens it as a notebook.
lab: export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/etc/jupyter-lab
lab: $(READY)
	$(BIN)/jupytext-config set-default-viewer markdown >/dev/null
	$(BIN)/jupyter lab book

paper: $(READY)
	$(BIN)/python -m naign record paper --jobs 4
	$(BIN)/python -m naign ood paper

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("naign needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[all]'
	touch $@

clean:
	rm -rf _build data/cache .pytest_cache .ruff_cache
