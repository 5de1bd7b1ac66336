// This process: the memory it has, and threads of it that keep time.

#ifndef AMDGPU_C_SRC_BASE_OWN_PROCESS_H_
#define AMDGPU_C_SRC_BASE_OWN_PROCESS_H_

#include <cstdint>

#include "c_src/base/unique_fd.h"

namespace amdgpu {

// Memory of this process that is in use. Keeps its file open, so that it also reads in a sandbox
// that opens none. Thread-safe.
class ResidentMemory {
 public:
  ResidentMemory();

  // 0 if it is not known.
  std::uint64_t bytes() const;

 private:
  const UniqueFd statm_;
};

// Makes the calling thread one that wakes when it asked to: its timers are not put off, and it goes
// before others where that is allowed. True if it is.
bool KeepTime();

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_OWN_PROCESS_H_
