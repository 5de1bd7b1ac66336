// CPU affinity of the threads that run kernels.

#include "gpu/host/driver/placement.h"

namespace amdgpu::host {

Placement::Placement() {
  CPU_ZERO(&cpus_);
  if (sched_getaffinity(0, sizeof(cpus_), &cpus_) == 0) count_ = CPU_COUNT(&cpus_);
}

bool Placement::AwayFromMe(pthread_t thread) const {
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE || count_ < 2 || !CPU_ISSET(here, &cpus_)) return false;
  cpu_set_t others = cpus_;
  CPU_CLR(here, &others);
  return pthread_setaffinity_np(thread, sizeof(others), &others) == 0;
}

void Placement::AnyCpu() const { sched_setaffinity(0, sizeof(cpus_), &cpus_); }

}  // namespace amdgpu::host
