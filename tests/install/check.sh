#!/usr/bin/env bash
# Installs a build into an empty folder and uses it as an embedder does: examples/embed is built with
# find_package (shared and static) and with pkg-config, and runs against the installed scripted endpoint.
#   check.sh BUILD
set -euo pipefail
build=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
endpoint=
cleanup() {
  [ -z "$endpoint" ] || kill "$endpoint" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
fail() { echo "check.sh: $*" >&2; exit 1; }

prefix=$folder/prefix
cmake --install "$build" --prefix "$prefix" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
for file in bin/perdure include/perdure/perdure.h share/man/man1/perdure.1 share/doc/perdure/events.md \
  share/bash-completion/completions/perdure share/zsh/site-functions/_perdure \
  share/fish/vendor_completions.d/perdure.fish; do
  [ -s "$prefix/$file" ] || fail "$file was not installed"
done

compile() { # NAME COMMAND...: builds one variant, with its output only when it fails
  local name=$1
  shift
  "$@" >"$folder/log" 2>&1 || { cat "$folder/log"; fail "$name does not build"; }
}
for target in shared static; do
  compile "perdure::$target" cmake -S "$root/examples/embed" -B "$folder/$target" -G Ninja \
    -DCMAKE_PREFIX_PATH="$prefix" -DPERDURE_TARGET="perdure::$target"
  compile "perdure::$target" cmake --build "$folder/$target"
done
pkg_config=$(find "$prefix" -name pkgconfig -type d)
mkdir "$folder/pkg-config"
# shellcheck disable=SC2046 # the words of pkg-config are meant
compile pkg-config "${CXX:-g++}" -std=c++20 "$root/examples/embed/main.cc" -o "$folder/pkg-config/embed" \
  $(PKG_CONFIG_PATH=$pkg_config pkg-config --cflags --libs perdure)

"$prefix/bin/perdure" mock "$root/examples/embed/script.toml" --port 0 >"$folder/address" 2>"$folder/requests" &
endpoint=$!
for _ in $(seq 100); do
  grep -q http "$folder/address" && break
  kill -0 "$endpoint" 2>/dev/null || { cat "$folder/requests"; fail "the endpoint did not start"; }
  read -rt 0.1 <> <(:) || true
done
url=$(grep -o 'http://[^ ]*' "$folder/address")

library=$(dirname "$pkg_config")
for variant in shared static pkg-config; do
  mkdir "$folder/$variant-workspace"
  answer=$(cd "$folder/$variant-workspace" && XDG_STATE_HOME=$folder/$variant-state XDG_CONFIG_HOME=$folder/none \
    LD_LIBRARY_PATH=$library "$folder/$variant/embed" "$root/examples/incident/data" "$url") ||
    { cat "$folder/requests"; fail "embed ($variant) failed: $answer"; }
  grep -q "21.7 % errors" <<<"$answer" || fail "embed ($variant) answers: $answer"
  [ "$(wc -l <"$folder/$variant-workspace/pages.txt")" -eq 1 ] || fail "embed ($variant) did not page once"
  echo "embed, $variant: ok"
done
! grep -q refused "$folder/requests" || { cat "$folder/requests"; fail "the endpoint refused a request"; }
