// Keeps threads that work on one task on different CPUs.
//
// The system puts a woken thread where its caches were warm, which may be behind the very thread
// that woke it, although another CPU idles; it then takes milliseconds to notice. For tasks that
// last less than that, half of the machine is lost.

#ifndef AMDGPU_GPU_HOST_DRIVER_PLACEMENT_H_
#define AMDGPU_GPU_HOST_DRIVER_PLACEMENT_H_

#include <pthread.h>
#include <sched.h>

namespace amdgpu::host {

// Thread-safe. Where the system refuses, nothing happens: placement is an optimisation.
class Placement {
 public:
  // Notes which CPUs the calling thread may use: those are all that anybody gets.
  Placement();

  // To be called before `thread`, which sleeps, is woken: it will run on another CPU than the
  // caller's, until it calls AnyCpu. False if nothing was changed.
  bool AwayFromMe(pthread_t thread) const;
  // The calling thread may use every CPU again, and stays where it is for now.
  void AnyCpu() const;

 private:
  cpu_set_t cpus_;
  int count_ = 0;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_PLACEMENT_H_
