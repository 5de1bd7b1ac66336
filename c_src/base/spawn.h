// Starting our helper processes: with exactly the descriptors they are given, and nothing else.

#ifndef AMDGPU_C_SRC_BASE_SPAWN_H_
#define AMDGPU_C_SRC_BASE_SPAWN_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {

struct SpawnOptions {
  std::string path;
  std::vector<std::string> arguments;    // after argv[0]
  std::vector<std::string> environment;  // "NAME=value"; nothing is inherited
  std::vector<int> fds;                  // become 3, 4, 5, ... in the child
};

// A child process. Does not end it when destroyed.
struct ChildProcess {
  pid_t pid = 0;
  UniqueFd pidfd;  // readable once the child has ended; invalid on kernels without pidfd_open
};

// The child has stdin from /dev/null, our stdout and stderr, `fds` from 3 on and no other
// descriptor; default signal handling, an empty signal mask and a session of its own (a Ctrl-C at
// the terminal is not for it). kNotFound if there is no such executable.
absl::StatusOr<ChildProcess> Spawn(const SpawnOptions& options);

// How a child ended, for people: "was killed by SIGKILL", "exited with code 2". `wait_status` as
// from waitpid.
std::string DescribeExit(int wait_status);

// "SIGSEGV" for 11; "signal 77" for one without a name.
std::string SignalName(int signal);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_SPAWN_H_
