// Starting a process of ours: a worker or the compiler.
//
// Its lifetime is tied to ours by a socket it inherits: EOF there tells it to exit.

#ifndef AMDGPU_C_SRC_BASE_SPAWN_H_
#define AMDGPU_C_SRC_BASE_SPAWN_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {

// The first descriptor that a child gets from us: `SpawnOptions::fds[i]` becomes kFirstChildFd + i.
inline constexpr int kFirstChildFd = 3;

struct SpawnOptions {
  std::string path;               // of the executable
  std::vector<std::string> args;  // after argv[0]
  std::vector<int> fds;  // stay the caller's; every other descriptor is closed in the child
};

// A child process. Destroying it kills and reaps the child. Not thread-safe.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess() { KillAndReap(); }

  bool valid() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  // Becomes readable when the child has ended; -1 where the kernel has none.
  int pidfd() const { return pidfd_.get(); }

  // SIGKILL to the child and its process group.
  void Kill();
  // Waits for the child's end; its wait status, or -1 if somebody else reaped it. Then !valid().
  int Reap();
  int KillAndReap();

 private:
  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

// Starts `options.path` with default signal dispositions, an empty signal mask, a process group of
// its own, /dev/null as stdin and stdout, and our stderr.
absl::StatusOr<ChildProcess> Spawn(const SpawnOptions& options);

// How a process ended, for people: "exit status 1", "signal 11 (Segmentation fault)".
std::string DescribeWaitStatus(int wait_status);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_SPAWN_H_
