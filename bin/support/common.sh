# What the commands in bin/ share. Sourced, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export LC_ALL=C.UTF-8
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# One quiet step: its output goes to a log that is shown when it fails.
step() {
  local title=$1 log started
  shift
  log=$(mktemp)
  started=$SECONDS
  printf '%s ... ' "$title" >&2
  if "$@" >"$log" 2>&1; then
    printf 'done (%d s)\n' $((SECONDS - started)) >&2
    rm -f "$log"
  else
    local status=$?
    printf 'FAILED\n' >&2
    tail -n 60 "$log" >&2
    rm -f "$log"
    return $status
  fi
}
