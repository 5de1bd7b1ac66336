# What the commands in bin/ share. Sourced, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export LC_ALL=C.UTF-8
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# One quiet step: a line when it takes long enough to wonder, its output when it fails.
step() {
  local title=$1 log started status=0
  shift
  log=$(mktemp)
  started=$SECONDS
  [[ ! -t 2 ]] || printf '%s ...' "$title" >&2
  "$@" >"$log" 2>&1 || status=$?
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
  if [[ $status -ne 0 ]]; then
    printf '%s ... FAILED\n' "$title" >&2
    tail -n 60 "$log" >&2
  elif ((SECONDS - started >= 5)); then
    printf '%s ... done (%d s)\n' "$title" $((SECONDS - started)) >&2
  fi
  rm -f "$log"
  return $status
}

# Whether the Phoenix application's dependencies can be had: Hex is there, and has them or can fetch them. Asks nothing,
# and without Hex does not touch the network. If not, WEB_MISSING says why.
web_resolves() {
  local web=$ROOT/elixir_app/amdgpu_web
  if ! (cd / && mix run --no-mix-exs -e 'System.halt(if Code.ensure_loaded?(Hex), do: 0, else: 1)') </dev/null >/dev/null 2>&1; then
    WEB_MISSING="Hex is not installed (mix local.hex)"
    return 1
  fi
  export HEX_HTTP_TIMEOUT=${HEX_HTTP_TIMEOUT:-10}
  # One of them is built with rebar3.
  if [[ -z ${MIX_REBAR3:-} ]] && command -v rebar3 >/dev/null; then
    MIX_REBAR3=$(command -v rebar3)
    export MIX_REBAR3
  fi
  # What was fetched before will do when nothing can be fetched now.
  if ! (
    cd "$web" || exit
    [[ -n ${MIX_REBAR3:-} ]] || timeout 60 mix local.rebar --force --if-missing
    timeout 300 mix deps.get
    mix deps.loadpaths --no-compile
  ) </dev/null >/dev/null 2>&1; then
    WEB_MISSING="Hex cannot fetch its dependencies (cd elixir_app/amdgpu_web && mix deps.get says more)"
    return 1
  fi
}
