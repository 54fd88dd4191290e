# What a maintainer types often. `make test` is the README's test command without the installation.
PYTHON ?= .venv/bin/python

.PHONY: test docs dist

test:
	$(PYTHON) -m pytest

# docs/reference.md out of the code
docs:
	$(PYTHON) docs/make_reference.py > docs/reference.md

# The wheel, and the wheels of all that it needs, for a machine without network or compiler:
#   pip install --no-index --find-links dist sqlagent
# llama.cpp is built without the parts that are never loaded (see convert/lean_llama.cmake).
dist:
	CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_INCLUDE=$(CURDIR)/convert/lean_llama.cmake" \
		$(PYTHON) -m pip wheel --wheel-dir dist '.[files,plot]'
