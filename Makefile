# `make report` and `make test` are the two that matter. Whichever comes first makes .venv and installs the pinned
# stack into it; later calls reuse it until pyproject.toml or constraints.txt change.
#
#   PYTHON=python3.12      the interpreter that .venv is made from; 3.11, 3.12 or 3.13
#   EXTRAS=dev,text,llm    which extras of pyproject.toml are installed besides the core; more are added to a .venv
#   TORCH_INDEX=<address>  where torch comes from, for a CPU build or another CUDA build; see README.md, "Install"
#   ARGS="..."             further options: make report ARGS="--profile workshop", make test ARGS="-k splits"
#   WORKERS="-n 4 ..."     processes of the tests, of one thread each; empty for one

PYTHON      ?= python3
VENV        ?= .venv
EXTRAS      ?= dev,cluster
TORCH_INDEX ?=
ARGS        ?=
WORKERS     ?= -n 2

RUN      := $(VENV)/bin/python
READY    := $(VENV)/ready
COMMA    := ,
WANTED   := $(subst $(COMMA), ,$(EXTRAS))
MISSING  := $(filter-out $(shell cat $(READY) 2> /dev/null),$(WANTED))
TORCH    := 2.13.0
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))

.PHONY: help setup report test test-full bench lab lint lock clean again

help:
	@echo "make report     run the notebook series; open reports/latest/index.html"
	@echo "make test       run the tests; with ARGS=--changed those that the changes since the last commit can reach"
	@echo "make test-full  run the slow tests as well"
	@echo "make bench      run the speed benchmarks"
	@echo "make lab        open JupyterLab on a copy of the notebooks"
	@echo "make lint       check the style"
	@echo "make setup      only make .venv and install into it"
	@echo "make clean      remove .venv and caches; data/ and reports/ stay"

report: $(READY)
	$(RUN) -m workbench report $(ARGS)

test: $(READY)
	$(RUN) -m pytest $(WORKERS) $(ARGS)

test-full: $(READY)
	$(RUN) -m pytest $(WORKERS) -m "" $(ARGS)

bench: $(READY)
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(RUN) $$file $(ARGS) || exit 1; done

lab: $(READY)
	$(RUN) -m workbench lab $(ARGS)

lint: $(READY)
	$(RUN) -m ruff check .

setup: $(READY)

# The stamp is removed first and made last, so an interrupted installation is taken up again by the next call. It holds
# the extras that are installed.
$(READY): pyproject.toml constraints.txt $(if $(MISSING),again)
	@rm -f $@
	@command -v "$(PYTHON)" > /dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=python3.12" >&2; exit 2; }
	@"$(PYTHON)" -c "$(SUPPORTED)" || { \
	  echo "Workbench needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.12" >&2; exit 2; }
	@"$(PYTHON)" -c "import ensurepip, venv" 2> /dev/null || { \
	  echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@"$(RUN)" -c "import pip; $(SUPPORTED)" > /dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	$(RUN) -m pip install --constraint constraints.txt --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(RUN) -m pip install --constraint constraints.txt --editable ".[$(EXTRAS)]"
	@echo "$(WANTED)" > $@

# Needs uv. What a torch build brings for its GPU is left out, because torch pins that itself, per build.
lock:
	@echo "# Every package of the core and of all extras, for Linux and macOS, Python 3.11 to 3.13. Made by: make lock" > constraints.new
	@echo "torch==$(TORCH)" | uv pip compile pyproject.toml - --all-extras --universal --python-version 3.11 \
	  --fork-strategy fewest --no-header --no-annotate --quiet \
	  | grep -v -E "^(cuda|nvidia|triton)|== '(win32|emscripten)'$$|os_name == 'nt'$$" >> constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
