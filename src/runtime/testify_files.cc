#include "runtime/testify_files.h"

#include <fmt/format.h>

namespace perdure {
namespace {

constexpr std::string_view kRunBegin = R"sh(#!/bin/sh
# Plays the script of this folder to the agent of this folder. Exit status 0 when every request had
# what the script expects, every answer is the expected one, and so many requests were sent.
# PERDURE names another program than the `perdure` of PATH.
here=$(cd "$(dirname "$0")" && pwd)
perdure=${PERDURE:-perdure}
work=$(mktemp -d) || exit 1
mkdir "$work/workspace" "$work/requests"
export XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state"
unset PERDURE_MODEL PERDURE_HOST PERDURE_BASE_URL
"$perdure" mock "$here/script.toml" --port 0 --record "$work/requests" >"$work/mock" 2>&1 &
mock=$!
trap 'kill $mock 2>/dev/null; wait $mock 2>/dev/null; rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $1" >&2
  tail -n 3 "$work/mock" >&2
  exit 1
}

tries=0
until grep -q '^scripted endpoint at ' "$work/mock"; do
  tries=$((tries + 1))
  [ $tries -le 300 ] || fail "the scripted endpoint did not start"
  sleep 0.1
done
url=$(sed -n 's/^scripted endpoint at //p' "$work/mock")
"$perdure" trust "$here" >"$work/trusted" || fail "this folder cannot be trusted"

turn() {
  if [ "$1" = 1 ]; then
    "$perdure" run --agent "$here/agent.toml" --workspace "$work/workspace" --base-url "$url" \
      --task-file "$here/message-1.txt" >"$work/answer" 2>"$work/errors"
  else
    "$perdure" resume last - --base-url "$url" <"$here/message-$1.txt" >"$work/answer" \
      2>"$work/errors"
  fi
  status=$?
  if [ $status != "$2" ]; then
    cat "$work/errors" >&2
    fail "turn $1 ended with exit status $status instead of $2"
  fi
  diff "$here/answer-$1.txt" "$work/answer" >&2 || fail "the answer of turn $1 is another one"
}

)sh";

constexpr std::string_view kRunEnd = R"sh(
sent=$(find "$work/requests" -name '*.json' | wc -l)
[ "$sent" -eq {0} ] || fail "$sent requests were sent instead of {0}"
echo "passed: {0} requests"
)sh";

}  // namespace

const std::string_view kResultScript = R"sh(#!/bin/sh
# Prints what the tool printed in the run: PERDURE_CALL is RUN/STEP.CALL.
exec cat "$(dirname "$0")/results/${PERDURE_CALL##*/}"
)sh";

std::string run_script(const std::string& turns, std::int64_t requests) {
  return std::string(kRunBegin) + turns + fmt::format(kRunEnd, requests);
}

std::string test_readme(const std::string& run_id, std::int64_t requests) {
  return fmt::format(
      "# A test made of run {}\n\n"
      "Run it, without a key: `sh run.sh`\n\n"
      "`script.toml` is what the model said, for `perdure mock`; `agent.toml` is the agent, whose "
      "tools print what\n"
      "is in `results/STEP.CALL`; `message-N.txt` opens turn N and `answer-N.txt` is what must "
      "come of it. Each\n"
      "request must have the results that its `expect` names, and there must be {}.\n"
      "Attempts that failed in the run are not part of it. What looked like a secret was replaced "
      "by `[secret]`:\n"
      "read the files before you hand them on.\n",
      run_id, requests);
}

}  // namespace perdure
