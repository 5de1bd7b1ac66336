#include "c_src/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

constexpr int kFirstFd = 3;

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's two option objects, destroyed on every path.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int SetFds(const std::vector<int>& fds) {
    int error = posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    int target = kFirstFd;
    for (const int fd : fds) {
      if (error == 0) error = posix_spawn_file_actions_adddup2(&actions_, fd, target++);
    }
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions_, target);
    return error;
  }

  int SetSignals() {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int error = posix_spawnattr_setsigdefault(&attributes_, &all);
    if (error == 0) error = posix_spawnattr_setsigmask(&attributes_, &none);
    if (error == 0) {
      error = posix_spawnattr_setflags(
          &attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    }
    return error;
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

absl::StatusOr<ChildProcess> Spawn(const SpawnOptions& options) {
  // Sources above every target, so that no dup2 overwrites one that is still to come.
  std::vector<UniqueFd> sources;
  std::vector<int> fds;
  const int above = kFirstFd + static_cast<int>(options.fds.size());
  for (const int fd : options.fds) {
    sources.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, above));
    if (!sources.back().valid()) return ErrnoError(errno, "duplicating a file descriptor");
    fds.push_back(sources.back().get());
  }

  std::vector<std::string> arguments = {options.path};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  SpawnPlan plan;
  int error = plan.SetFds(fds);
  if (error == 0) error = plan.SetSignals();
  ChildProcess child;
  if (error == 0) {
    error = posix_spawn(&child.pid, options.path.c_str(), plan.actions(), plan.attributes(),
                        Pointers(arguments).data(), Pointers(options.environment).data());
  }
  if (error != 0) return ErrnoError(error, absl::StrCat("starting ", options.path));
  child.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  return child;
}

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? absl::StrCat("SIG", name) : absl::StrCat("signal ", signal);
}

std::string DescribeExit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return absl::StrCat("was killed by ", SignalName(WTERMSIG(wait_status)));
  }
  return absl::StrCat("exited with code ", WEXITSTATUS(wait_status));
}

}  // namespace amdgpu
