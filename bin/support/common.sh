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
