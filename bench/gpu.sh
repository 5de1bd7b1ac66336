#!/usr/bin/env bash
# One table of what a GPU does through this runtime, beside the vendor's own calls on the same GPU in the same minute:
# copies, kernels against the memory's bandwidth, launches, products of matrices against the vendor's library, and how long
# a new worker takes after a fault.
#
#   bench/gpu.sh              the best GPU of this machine; the table is kept in bench/results/
#   bench/gpu.sh --standin    the same over the tests' stand-in for HIP: proves this script, measures nothing
#
# Needs a GPU of AMD's or NVIDIA's with its runtime, and hipRTC or NVRTC; rocBLAS or cuBLAS for the products. Says so in one
# line and ends with 1 where there is none.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../bin/support/common.sh"

standin=no
case ${1:-} in
  "") ;;
  --standin) standin=yes ;;
  *) echo "usage: bench/gpu.sh [--standin]" >&2; exit 2 ;;
esac

# A device's node is there whenever the kernel's driver is.
if [[ $standin == no && ! -e /dev/nvidiactl && ! -e /dev/kfd && ! -e /dev/dxg ]]; then
  echo "bench/gpu.sh: this machine has no GPU: none of /dev/nvidiactl, /dev/kfd and /dev/dxg is there" >&2
  exit 1
fi

BUILD=${AMDGPU_NATIVE_BUILD_DIR:-$ROOT/build/release}
targets=(amdgpu_nif amdgpu_worker amdgpu_compiler amdgpu_vendorcc amdgpu_bench_vendor)
[[ $standin == no ]] || targets+=(amdgpu_worker_standin)
cd "$ROOT"
[[ -e $BUILD/build.ninja ]] || step "configuring (release)" cmake --preset release -B "$BUILD"
step "building (release)" cmake --build "$BUILD" --target "${targets[@]}"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export MIX_ENV=prod AMDGPU_NATIVE_BUILD_DIR=$BUILD
raw=()
if [[ $standin == yes ]]; then
  # The stand-in's worker in the place of the worker.
  mkdir "$WORK/native"
  ln -s "$BUILD"/{nif/amdgpu_nif.so,gpu/host/compiler/amdgpu_compiler,gpu/vendor/compiler/amdgpu_vendorcc} "$WORK/native/"
  ln -s "$BUILD/gpu/kernels" "$WORK/native/kernels"
  ln -s "$BUILD/tests/c_src/runtime/amdgpu_worker_standin" "$WORK/native/amdgpu_worker"
  export AMDGPU_PRIV_DIR=$WORK/native AMDGPU_CACHE_DIR=$WORK/cache AMDGPU_DEVICE=hip AMD_STANDIN_ANY_IMAGE=1
  raw=(--quick "--library=$BUILD/tests/support/standin/libamdgpu_standin_hip.so"
       "--blas=$BUILD/tests/support/standin/libamdgpu_standin_rocblas.so"
       "--worker=$BUILD/tests/c_src/runtime/amdgpu_worker_standin")
else
  raw=("--worker=$BUILD/c_src/worker/amdgpu_worker")
fi

cd elixir_app/amdgpu
step "compiling the library" mix compile
# Which device, and the empty kernel for it.
device=$(mix run --no-compile bench/gpu.exs --prepare "$WORK/empty.bundle") || {
  echo "bench/gpu.sh: no usable GPU: ${device:-mix amdgpu.doctor says why}" >&2
  exit 1
}
kind=${device%% *}
"$BUILD/bench/vendor/amdgpu_bench_vendor" "$kind" --lines "--code=$WORK/empty.bundle" "${raw[@]}" >"$WORK/native.txt"

arguments=(--native "$WORK/native.txt")
[[ $standin == no ]] || arguments+=(--standin)
mix run --no-compile bench/gpu.exs "${arguments[@]}" | tee "$WORK/table.md"
if [[ $standin == yes ]]; then
  echo "(the stand-in measures nothing: not kept)"
else
  name=$(sed -n 's/^# //p' "$WORK/table.md" | head -n 1 | tr -cs '[:alnum:]' '-' | sed 's/-*$//')
  cp "$WORK/table.md" "$ROOT/bench/results/$(date -u +%F)-$name.md"
  echo "kept in bench/results/$(date -u +%F)-$name.md"
fi
