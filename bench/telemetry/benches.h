// The parts of telemetry_bench, one file each.

#ifndef AMDGPU_BENCH_TELEMETRY_BENCHES_H_
#define AMDGPU_BENCH_TELEMETRY_BENCHES_H_

namespace amdgpu::telemetry {

void BenchRing();
// CPU time of the sampler (in the worker) and of the hub, while nothing runs.
void BenchIdle();
// Pipelined empty kernels, with telemetry and without.
void BenchLaunches();

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_BENCH_TELEMETRY_BENCHES_H_
