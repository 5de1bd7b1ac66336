#include "c_src/kernel/compiler_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "c_src/base/message_socket.h"

namespace amdgpu {
namespace {

constexpr std::size_t kMaxHelloBytes = 4096;

// The little of our environment that a program may need in order to start at all.
std::vector<std::string> CompilerEnvironment() {
  std::vector<std::string> environment;
  for (const char* name : {"LD_LIBRARY_PATH", "ROCM_PATH", "HIP_PATH", "CUDA_HOME", "CUDA_PATH",
                           "AMDGPU_HIPRTC_LIBRARY", "AMDGPU_COMGR_LIBRARY", "AMDGPU_NVRTC_LIBRARY",
                           "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name); value != nullptr) {
      environment.push_back(absl::StrCat(name, "=", value));
    }
  }
  return environment;
}

absl::Status NotTheProtocol() {
  return absl::InternalError("the compiler process does not follow the protocol");
}

}  // namespace

absl::StatusOr<CompilerProcess> CompilerProcess::Start(const std::string& path,
                                                       const std::vector<std::string>& args) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoError(errno, "making a socket for the compiler process");
  }
  UniqueFd ours(sockets[0]);
  const UniqueFd its(sockets[1]);
  // A stuck compiler must not make us wait.
  if (fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoError(errno, "fcntl");
  SpawnOptions spawn;
  spawn.path = path;
  spawn.arguments = args;
  spawn.environment = CompilerEnvironment();
  spawn.fds = {its.get()};
  absl::StatusOr<ChildProcess> child = Spawn(spawn);
  if (!child.ok()) return child.status();
  return CompilerProcess(*std::move(child), std::move(ours));
}

CompilerProcess::CompilerProcess(ChildProcess child, UniqueFd control)
    : child_(std::move(child)), control_(std::move(control)) {}

CompilerProcess::CompilerProcess(CompilerProcess&& other) noexcept
    : child_{std::exchange(other.child_.pid, 0), std::move(other.child_.pidfd)},
      control_(std::move(other.control_)) {}

absl::StatusOr<std::optional<proto::CompilerHello>> CompilerProcess::ReceiveHello() {
  std::string bytes(kMaxHelloBytes, '\0');
  const ssize_t received =
      recv(control_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (received <= 0) return std::nullopt;  // Check() says if it is gone
  proto::CompilerHello hello;
  if (static_cast<std::size_t>(received) > bytes.size() ||
      !hello.ParseFromArray(bytes.data(), static_cast<int>(received))) {
    return NotTheProtocol();
  }
  return hello;
}

absl::Status CompilerProcess::Check() {
  pollfd ended = {child_.pidfd.get(), POLLIN, 0};
  if (ended.fd >= 0 && poll(&ended, 1, 0) > 0) {
    return absl::UnavailableError("the compiler process ended");
  }
  char byte;
  const ssize_t received = recv(control_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  if (received > 0) return NotTheProtocol();
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return absl::OkStatus();
  return absl::UnavailableError("the compiler process closed its socket");
}

absl::Status CompilerProcess::SendRequestSocket(int fd) { return SendFd(control_.get(), fd); }

std::string CompilerProcess::End() {
  if (child_.pid == 0) return "";
  kill(child_.pid, SIGKILL);
  kill(-child_.pid, SIGKILL);  // its session: the children that compile
  int wait_status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(child_.pid, &wait_status, 0);
  } while (reaped < 0 && errno == EINTR);
  child_ = ChildProcess();
  control_.reset();
  // Somebody else reaped it: the program around us ignores SIGCHLD or waits for any child.
  return reaped < 0 ? "ended" : DescribeExit(wait_status);
}

}  // namespace amdgpu
