# Every third-party library, each a Debian 12 package. The folder that may include its headers is in
# ARCHITECTURE.md; the tidy test holds the code to it.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(CURL REQUIRED libcurl>=7.88)  # its headers; the library is loaded at run time
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp>=2.5)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson>=3.0)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.40)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(TOMLPLUSPLUS REQUIRED tomlplusplus>=3.3)  # header-only
pkg_check_modules(FMT REQUIRED IMPORTED_TARGET fmt>=9)
pkg_check_modules(EDIT REQUIRED libedit)  # its headers; the library is loaded at run time
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)

# The program links statically what Debian has as archives: each shared library costs a start a fifth of a
# millisecond, and SQLite's symbols as much again.
function(perdure_prefer_archive result package)
  find_library(PERDURE_ARCHIVE_${package} NAMES ${ARGN})
  if(PERDURE_ARCHIVE_${package})
    set(${result} ${PERDURE_ARCHIVE_${package}} PARENT_SCOPE)
  else()
    set(${result} PkgConfig::${package} PARENT_SCOPE)
  endif()
endfunction()
perdure_prefer_archive(PERDURE_LIBUV LIBUV libuv_a.a libuv.a)
perdure_prefer_archive(PERDURE_SECCOMP SECCOMP libseccomp.a)
perdure_prefer_archive(PERDURE_SQLITE SQLITE libsqlite3.a)
perdure_prefer_archive(PERDURE_PCRE2 PCRE2 libpcre2-8.a)
perdure_prefer_archive(PERDURE_UTF8PROC UTF8PROC libutf8proc.a)
