# Set-up, demo and checks. Nothing but Python 3.11 and make is needed beforehand.

PYTHON ?= python3.11
ifeq (, $(shell command -v $(PYTHON) 2>/dev/null))
PYTHON := python3
endif
PYTHON_TORCH_SIM ?= python3.12
VENV   ?= .venv
BIN    := $(VENV)/bin
WORKERS ?= 2
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Several threads in one process are slower than one on a shared machine; every worker gets one.
export OMP_NUM_THREADS ?= 1

.PHONY: help demo gpaw test test-slow lint results pbe story trust benchmark peers clean

help:  ## Show the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d; say make PYTHON=..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --no-compile torch
	$(INSTALL) --no-compile --editable '.[sevennet,chgnet,postgresql,serve,parquet,hpc,dev]'
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true  # as pip does, but on all processors
	@touch $@

gpaw: $(VENV)/gpaw  ## Build GPAW, an open DFT code, into the environment; needs a C compiler, libxc and OpenBLAS.

$(VENV)/gpaw: $(VENV)/ready
	@printf '#include <xc.h>\nint main(void) { return 0; }\n' | $(CC) -x c - -lxc -lopenblas -o $(VENV)/gpaw-check || \
	  { echo "GPAW needs a C compiler, libxc and OpenBLAS; on Debian: apt-get install gcc libc6-dev libxc-dev libopenblas-dev" >&2; exit 1; }
	@rm $(VENV)/gpaw-check
	@printf '%s\n' "mpi = fftw = scalapack = nolibxc = noblas = False" "compiler = '$(CC)'" \
	  "libraries = ['xc', 'openblas']" > $(VENV)/gpaw-siteconfig.py
	GPAW_CONFIG=$(abspath $(VENV)/gpaw-siteconfig.py) $(INSTALL) --no-cache-dir gpaw gpaw-data
	@$(BIN)/python -c 'import gpaw.mpi'
	@touch $@

demo: $(VENV)/ready  ## Set up, run the quickstart campaign, print its table and the path of its report.
	@mkdir -p demo
	$(BIN)/liface campaign run quickstart --db demo/liface.db --workers $(WORKERS) --report demo/quickstart.html

# One worker does all tests of a file, and one all that need a cluster: tests/conftest.py. That one mostly waits, so there
# is one more than processors are to be used. Tests start some hundred processes: bytecode is kept, so that each of them
# does not compile the package again.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/ready  ## Set up and run the test suite with WORKERS processes (2).
	$(BIN)/python -m pytest -m 'not slow' --numprocesses $$(($(WORKERS) + 1)) --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/ready  ## Run the long tests: physics, and long ways through a cluster.
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/ready  ## Check style and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

pbe: $(VENV)/gpaw  ## Run docs/pbe with GPAW and both potentials, hours; write docs/pbe.md.
	$(BIN)/python docs/make_pbe.py

results: $(VENV)/ready  ## Run oh2024 and wang2023 with both potentials and write docs/results.
	$(BIN)/python docs/make_results.py --workers $(WORKERS)

trust: $(VENV)/ready  ## Hold both potentials against published values; write docs/trust.md and what is shipped of it.
	$(BIN)/python docs/make_trust.py --workers $(WORKERS)

story: $(VENV)/ready  ## Run the story of four substrates and write docs/story.md.
	$(BIN)/python docs/make_story.py --workers $(WORKERS)

benchmark: $(VENV)/ready  ## Measure liface beside its peers, hours; write docs/benchmarks.md.
	$(BIN)/python benchmarks/run_all.py

peers: .peers/kmcos/ready .peers/torch-sim/ready  ## Set up kmcos (gfortran) and torch-sim (Python 3.12, 6 GB) for benchmark.

.peers/kmcos/ready: benchmarks/peers/kmcos.txt
	@command -v gfortran >/dev/null || { echo "kmcos needs gfortran; on Debian: apt-get install gfortran" >&2; exit 1; }
	python3.11 -m venv .peers/kmcos
	.peers/kmcos/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.peers/torch-sim/ready: benchmarks/peers/torch-sim.txt
	$(PYTHON_TORCH_SIM) -m venv .peers/torch-sim
	.peers/torch-sim/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

clean:  ## Remove the virtual environments and the demo.
	rm -rf $(VENV) .peers demo
