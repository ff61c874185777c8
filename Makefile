# Needs Python 3.11 or newer, make and git; everything else goes into $(VENV).

VENV ?= .venv
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
PYTEST_ARGS ?= -n 2 --dist loadfile
DEMO_PROMPT ?= floating mossy rocks

PY := $(VENV)/bin/python
PIP := $(PY) -m pip
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
TORCH_CPU := https://download.pytorch.org/whl/cpu

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test check torch clean

help:
	@echo "make demo    install, then improve a prompt for the person in examples/profile.json"
	@echo "make test    install with the development tools, then run the tests"
	@echo "make check   the same, then ruff (format and lint) and pyright"
	@echo "make clean   take away what the other targets made (training keeps build/)"

demo: $(VENV)/.installed
	@$(VENV)/bin/pamela-agent run --user examples/profile.json --prompt "$(DEMO_PROMPT)"
	@echo
	@echo "The run and its pictures lie in runs/. Look at it again, or try your own prompt:"
	@echo "  $(VENV)/bin/pamela-agent show latest"
	@echo "  $(VENV)/bin/pamela-agent run --user examples/profile.json --prompt \"a tower by a lake\""

test: $(VENV)/.installed-dev
	$(PY) -m pytest $(PYTEST_ARGS)

check: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright

clean:
	rm -rf $(VENV) dist .pytest_cache .ruff_cache .hypothesis

torch: $(VENV)/.torch

# The stamps make an installation happen only when what it depends on has changed.
$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing pamela-agent into $(VENV) (the first time this takes a minute or more) …"
	@$(PIP) install -qq --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "Installing pamela-agent and its development tools into $(VENV) (a minute or more) …"
	@$(PIP) install -qq --constraint constraints.txt --editable '.[dev,miniature]'
	@touch $(VENV)/.installed $@

# On Linux the default build of torch brings gigabytes of CUDA packages, so without an NVIDIA GPU
# the CPU build is looked for first: where pip looks anyway, then at PyTorch's own index.
$(VENV)/.torch: constraints.txt
	@test -n "$(PYTHON)" || { \
	    echo "Python 3.11 or newer is needed and was not found: make PYTHON=/path/to/python3.11"; \
	    exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@if $(PIP) show torch 2>/dev/null | grep -q "^Version: $(TORCH)"; then \
	    :; \
	elif [ "$$(uname -s)" != Linux ] || nvidia-smi -L 2>/dev/null | grep -q GPU; then \
	    echo "torch $(TORCH): the default build is the right one for this machine"; \
	else \
	    echo "No NVIDIA GPU here: installing the CPU build of torch $(TORCH) …"; \
	    if $(PIP) install -qq --no-deps "torch==$(TORCH)+cpu" 2>/dev/null; then \
	        :; \
	    elif $(PY) -c "from urllib.request import urlopen; urlopen('$(TORCH_CPU)/torch/', timeout=5)" \
	            2>/dev/null && $(PIP) install -qq --no-deps --retries 1 --timeout 30 \
	            --index-url $(TORCH_CPU) "torch==$(TORCH)+cpu"; then \
	        :; \
	    else \
	        echo "It is not where pip looks, and $(TORCH_CPU) cannot be reached:"; \
	        echo "the default build follows, with CUDA packages that nobody needs here. To do without:"; \
	        echo "  $(PIP) install torch==$(TORCH) --index-url $(TORCH_CPU)"; \
	    fi; \
	fi
	@touch $@
