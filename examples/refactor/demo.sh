#!/usr/bin/env bash
# demo.sh PROGRAM [OPTION...]: lets an agent split the god module of project/, in a fresh copy.
#
# PROGRAM is the perdure to use. Without options the model is the scripted one of script.toml: no key,
# no network. With options, such as `--host moonshot --max-cost 2`, they go to `perdure run`, and a real
# model does the work. Everything happens in a new folder of its own; the user's configuration is only
# read for a real model. The exit status is that of the run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${1:-perdure}
shift || true
run_options=("$@")

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 2
}
found=$(command -v -- "$program") || fail "there is no program '$program'; after ./dev build: demo.sh build/release/bin/perdure"
program=$(realpath -- "$found")
command -v git >/dev/null || fail "git is missing: apt-get install git"
# Another python3 may stand before the system's, which is the one that packages serve.
has_pytest() { python3 -m pytest --version >/dev/null 2>&1; }
before=''
if ! has_pytest; then
  export PATH=/usr/bin:$PATH
  before='PATH=/usr/bin:$PATH '
fi
has_pytest || fail "pytest is missing: apt-get install python3-pytest"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/perdure-demo.XXXXXX")
endpoint='' port='' unfinished=''

# However it ends: nothing is left running, and a run that did not end can go on.
leave() {
  local status=$?
  if [ -n "$endpoint" ] && kill "$endpoint" 2>/dev/null; then wait "$endpoint" || true; fi
  if [ -n "$unfinished" ]; then
    printf '\nThe run is not done (status %s). Its folder is kept: %s\nGo on with it:\n\n' "$status" "$work"
    if [ -n "$port" ]; then printf '  %s mock --port %s %s/script.toml &\n' "$program" "$port" "$work"; fi
    printf '  %sXDG_STATE_HOME=%s %s resume last\n' "$before" "$XDG_STATE_HOME" "$program"
  fi >&2
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The demo's own git: the user's configuration (signing, hooks, editors) has no say.
project=$work/project
in_project() { GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git --no-pager -C "$project" "$@"; }

say "A fresh copy of a real Python project: one module that does everything, and 35 tests"
cp -R "$here/project" "$project"
rm -rf "$project/.pytest_cache" "$project"/*/__pycache__
in_project init --quiet --initial-branch main
in_project add --all
in_project -c user.name="A person" -c user.email=person@example.com \
  commit --quiet --message "Sell things: prices, stock, order file, reports"
# The agent commits under a name of its own, in this repository only.
in_project config user.name "Perdure demo"
in_project config user.email perdure@example.com
in_project config commit.gpgsign false
wc -l "$project"/shop/*.py | sed "s#$project/##"
(cd "$project" && python3 -m pytest -q -p no:cacheprovider 2>&1 | tail -n 1)

export XDG_STATE_HOME=$work/state
if [ ${#run_options[@]} -eq 0 ]; then
  export XDG_CONFIG_HOME=$work/config
  unset PERDURE_MODEL PERDURE_HOST PERDURE_BASE_URL
  # For a reader the words come at a speed that can be followed; otherwise as fast as they can.
  { if [ -t 2 ]; then echo 'chunk_delay_ms = 3'; fi; cat "$here/script.toml"; } >"$work/script.toml"
  # In a session of its own: Ctrl-C is for the run, whose model should not go away before it.
  exec 3< <(exec setsid "$program" mock --port 0 "$work/script.toml" 2>"$work/endpoint.log")
  endpoint=$!
  read -r -t 30 line <&3 || fail "the scripted endpoint did not start: $(cat "$work/endpoint.log")"
  url=${line##* }
  port=${url##*:} port=${port%%/*}
  run_options=(--host mock --base-url "$url")
  model="a script"
  say "The model is scripted ($(grep -c '^\[\[reply\]\]' "$here/script.toml") replies). Files, tests, failure and commit are real"
else
  model="a real model"
  say "The model is real. It works until it is done, or until a cap is reached"
fi
"$program" trust "$here" >/dev/null

unfinished=yes
"$program" run "${run_options[@]}" --agent "$here/agent.toml" --workspace "$project" --task-file "$here/task.md"
unfinished=

say "The tests, run again by this script and not by the agent"
(cd "$project" && python3 -m pytest -q -p no:cacheprovider 2>&1 | tail -n 4)

colour=never
[ -z "$bold" ] || colour=always
say "git log --stat"
in_project log --max-count 1 --stat=100 --color="$colour"

lines_max=90
say "The diff, of README.md and shop/money.py"
in_project show --color="$colour" --format= HEAD -- README.md shop/money.py >"$work/diff"
head -n "$lines_max" "$work/diff"
printf '\nAll %s lines of it: git -C %s show\n' "$(in_project show --format= HEAD | wc -l)" "$project"

say "What you saw"
if [ "$model" = "a script" ]; then
  cat <<TEXT
The model's words came from examples/refactor/script.toml. Everything else was real: the program, the files,
the three failing tests, the fix, the commit. The same on a real model, with a key of platform.moonshot.ai:

  MOONSHOT_API_KEY=... $here/demo.sh $program --host moonshot --max-cost 2
TEXT
else
  echo "A real model, real files, real tests, a real commit."
fi
cat <<TEXT

The work tree is $project; the record of the run:

  XDG_STATE_HOME=$XDG_STATE_HOME $program show last
TEXT
