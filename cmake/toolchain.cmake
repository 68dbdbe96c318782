# Warnings, sanitizers, compiler cache and linker: everything that is about how, not what, we build.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Without this it stores nothing that uses a precompiled header, which is nearly everything here.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM AND NOT PERDURE_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()

add_library(perdure_options INTERFACE)
target_compile_options(perdure_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -fvisibility=hidden -fno-omit-frame-pointer)
# Designated initializers that leave the defaulted fields out are our idiom for options; g++ and clang warn
# about each of them under -Wextra.
target_compile_options(perdure_options INTERFACE -Wno-missing-field-initializers)
# g++ 12 sees overlaps and bounds in concatenated strings where there are none (GCC bugs 105329, 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(perdure_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(PERDURE_WERROR)
  target_compile_options(perdure_options INTERFACE -Werror)
endif()
if(PERDURE_FUZZ)
  target_compile_options(perdure_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(PERDURE_SANITIZE)
  target_compile_options(perdure_options INTERFACE
    -fsanitize=${PERDURE_SANITIZE} -fno-sanitize-recover=all)
  # A third of the time of compiling, for what AddressSanitizer reports as well (a null pointer, an object that is
  # gone) or the processor allows. The fuzzers keep them.
  if(NOT PERDURE_FUZZ)
    target_compile_options(perdure_options INTERFACE -fno-sanitize=null,alignment,vptr)
  endif()
  target_link_options(perdure_options INTERFACE -fsanitize=${PERDURE_SANITIZE})
endif()
