#!/bin/sh
# llama-cpp-python 0.3.36: -DLLAMA_BUILD_COMMON=OFF in CMAKE_ARGS is overruled without a word.
#
# Expected: an option of llama.cpp given in CMAKE_ARGS, as the README tells how to, is the one that is built with.
# Seen:     CMakeLists.txt of the package sets LLAMA_BUILD_COMMON to ON with FORCE after the command line was read, so
#           llama.cpp's `common` library, which libllama does not need, is compiled all the same.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q cmake==3.31.6 ninja==1.11.1.4
"$work/venv/bin/pip" download -q --no-deps --no-binary :all: --no-build-isolation -d "$work" llama-cpp-python==0.3.36 2>/dev/null ||
    "$work/venv/bin/pip" download -q --no-deps --no-binary :all: -d "$work" llama-cpp-python==0.3.36
tar -xzf "$work"/llama_cpp_python-0.3.36.tar.gz -C "$work"
PATH="$work/venv/bin:$PATH" cmake -G Ninja -S "$work/llama_cpp_python-0.3.36" -B "$work/build" \
    -DLLAMA_BUILD_COMMON=OFF -DGGML_NATIVE=OFF -DLLAMA_CURL=OFF >"$work/said" 2>&1 || { tail -5 "$work/said" >&2; exit 2; }
grep LLAMA_BUILD_COMMON: "$work/build/CMakeCache.txt"
count=$(PATH="$work/venv/bin:$PATH" ninja -C "$work/build" -n | grep -c "common/CMakeFiles" || true)
echo "$count steps compile llama.cpp's common library"
grep -q "LLAMA_BUILD_COMMON:BOOL=ON" "$work/build/CMakeCache.txt" || { echo "it is off: this has changed" >&2; exit 1; }
[ "$count" -gt 0 ] || { echo "it is not compiled: this has changed" >&2; exit 1; }
echo "as described"
