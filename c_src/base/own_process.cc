#include "c_src/base/own_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace amdgpu {

ResidentMemory::ResidentMemory() : statm_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

std::uint64_t ResidentMemory::bytes() const {
  std::array<char, 128> text{};
  unsigned long long total = 0;
  unsigned long long resident = 0;
  if (pread(statm_.get(), text.data(), text.size() - 1, 0) <= 0) return 0;
  if (std::sscanf(text.data(), "%llu %llu", &total, &resident) != 2) return 0;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

bool KeepTime() {
  // Timers of ordinary threads may be 50 us late on purpose.
  prctl(PR_SET_TIMERSLACK, 1ul, 0, 0, 0);
  sched_param parameters{};
  parameters.sched_priority = 1;
  return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) == 0;
}

}  // namespace amdgpu
