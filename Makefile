# What a maintainer types often. `make test` is the README's test command without the installation.
PYTHON ?= .venv/bin/python

.PHONY: test docs demo dist wheels executable

test:
	$(PYTHON) -m pytest

# docs/reference.md out of the code
docs:
	$(PYTHON) docs/make_reference.py > docs/reference.md

# A session with the real program and the default model, as asciicast and as a picture: docs/session.cast and .svg
demo:
	$(PYTHON) docs/record.py docs

# What others need to use this: wheels, and one file that needs neither Python nor a compiler.
dist: wheels executable

# The wheel, and the wheels of all that it needs, for a machine without network or compiler:
#   pip install --no-index --find-links dist sqlagent
# llama.cpp is built without the parts that are never loaded (convert/lean_llama.cmake), and for any x86-64 processor
# with AVX2, not for this one alone. No cache: pip would take the wheel that it once built for this machine.
LLAMA = -DLLAVA_BUILD=OFF -DGGML_NATIVE=OFF -DCMAKE_PROJECT_INCLUDE=$(CURDIR)/convert/lean_llama.cmake

wheels:
	ls dist/llama_cpp_python-*.whl >/dev/null 2>&1 || CMAKE_ARGS="$(LLAMA)" $(PYTHON) -m pip wheel --no-cache-dir \
		--no-deps --no-binary llama-cpp-python --wheel-dir dist 'llama-cpp-python >= 0.3.36, < 0.4'
	$(PYTHON) -m pip wheel --find-links dist --wheel-dir dist '.[files,plot]'

# dist/sqlagent, one file, out of those wheels; needs a C compiler and zlib's headers. It prints which glibc the file
# needs: build it on the oldest system that it is meant for.
# PyInstaller, since nothing else that a package index has brings Python along: pex, shiv and zipapp need one on the
# machine (and fail with an empty PATH). Not its own one-file mode: that unpacked 180 MB at each start, and once more for
# the sandbox's process, which took a second of processor time each and left them in /tmp when that process was killed.
# The launcher unpacks them once. Parquet and pictures of charts are left out (pyarrow, vl-convert: 250 MB more).
BUILD = build/executable

executable:
	rm -rf $(BUILD)
	$(PYTHON) -m venv $(BUILD)/venv
	$(BUILD)/venv/bin/python -m pip install --quiet --no-index --find-links dist sqlagent python-calamine XlsxWriter plotext
	$(BUILD)/venv/bin/python -m pip install --quiet 'pyinstaller >= 6.10' starlette uvicorn
	cd release && ../$(BUILD)/venv/bin/python -m PyInstaller --noconfirm --log-level ERROR --distpath ../$(BUILD) \
		--workpath ../$(BUILD)/work sqlagent.spec  # not in the root, where `sqlagent` is the checkout without models
	$(CC) -O2 -Wall -Wextra -static -o $(BUILD)/launcher release/launcher.c -lz
	$(PYTHON) release/pack.py $(BUILD)/sqlagent $(BUILD)/launcher dist/sqlagent
	env -i SQLAGENT_HOME=$(CURDIR)/$(BUILD)/home dist/sqlagent models list
