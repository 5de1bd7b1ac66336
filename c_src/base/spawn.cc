#include "c_src/base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu {

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    KillAndReap();
    pid_ = std::exchange(other.pid_, 0);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

void ChildProcess::Kill() {
  if (!valid()) return;
  // The child itself first: it may not have become the leader of its group if its start failed.
  kill(pid_, SIGKILL);
  kill(-pid_, SIGKILL);
}

int ChildProcess::Reap() {
  if (!valid()) return -1;
  int wait_status = -1;
  pid_t reaped;
  do {
    reaped = waitpid(pid_, &wait_status, 0);
  } while (reaped < 0 && errno == EINTR);
  pid_ = 0;
  pidfd_.reset();
  // ECHILD: the embedding program ignores SIGCHLD or waits for any child.
  return reaped < 0 ? -1 : wait_status;
}

int ChildProcess::KillAndReap() {
  Kill();
  return Reap();
}

absl::StatusOr<ChildProcess> Spawn(const SpawnOptions& options) {
  // Copies above every target number, so that moving one into place cannot overwrite another.
  std::vector<UniqueFd> sources;
  const int above = kFirstChildFd + static_cast<int>(options.fds.size());
  for (int fd : options.fds) {
    UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, above));
    if (!copy.valid()) return ErrnoError(errno, "duplicating a descriptor for a child process");
    sources.push_back(std::move(copy));
  }

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  absl::Cleanup destroy_actions = [&] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, sources[i].get(),
                                     kFirstChildFd + static_cast<int>(i));
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, above);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  absl::Cleanup destroy_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<char*> argv = {const_cast<char*>(options.path.c_str())};
  for (const std::string& arg : options.args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);

  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, options.path.c_str(), &actions, &attributes, argv.data(), environ);
  if (error != 0) return ErrnoError(error, absl::StrCat("starting ", options.path));
  return ChildProcess(pid, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
}

std::string DescribeWaitStatus(int wait_status) {
  if (wait_status == -1) return "an unknown end";
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return absl::StrCat("signal ", number, " (", strsignal(number), ")");
  }
  return absl::StrCat("exit status ", WEXITSTATUS(wait_status));
}

}  // namespace amdgpu
