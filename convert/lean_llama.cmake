# Leave out of llama.cpp's build what sqlagent never loads: the helpers of its command-line tools (llama-common).
#
#   CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_INCLUDE=$PWD/convert/lean_llama.cmake" pip install .
#
# llama-cpp-python forces LLAMA_BUILD_COMMON on in the cache, after which no -D can turn it off; this file is read at
# llama.cpp's own project(), later than that and before the option is looked at. LLAVA_BUILD=OFF leaves out the
# multimodal library.
if (PROJECT_NAME STREQUAL "llama.cpp")
    set(LLAMA_BUILD_COMMON OFF CACHE BOOL "sqlagent: not needed" FORCE)
endif()
