#include "gpu/compiler_process/compile_child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/build_id.h"
#include "c_src/base/message_socket.h"
#include "gpu/compiler_process/private_directory.h"

namespace amdgpu::compiler_process {
namespace {

// Exit codes that the parent understands.
constexpr int kExitReplied = 0;
constexpr int kExitNoRequest = 80;
constexpr int kExitOutOfMemory = 81;
constexpr int kExitCannotLimit = 82;

// Time for a client to send its request.
constexpr unsigned kRequestSeconds = 10;
constexpr std::uint32_t kMaxTimeoutMs = 600'000;

void PrepareProcess(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExitNoRequest);  // it died before the line above
  for (int signal : {SIGCHLD, SIGALRM, SIGXCPU, SIGTERM, SIGINT, SIGSEGV, SIGABRT}) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // What a compiler prints when it gives up is nobody's business.
  if (const int null = open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0) {
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO) close(null);
  }
  alarm(kRequestSeconds);
}

void ExitOutOfMemory() { _exit(kExitOutOfMemory); }

// Limits and confinement of this process, for ever. `directory`: see ChildTask.
absl::Status Confine(const Limits& limits, const std::string& directory,
                     const SyscallFilter& filter) {
  absl::Status status = ApplyLimits(limits);
  if (status.ok() && !directory.empty()) {
    const absl::StatusOr<std::string> seen = ConfineToDirectory(directory);
    status = seen.status();
    if (seen.ok()) setenv("TMPDIR", absl::StrCat(*seen, "/tmp").c_str(), /*replace=*/1);
  }
  if (status.ok()) status = filter.Load();
  return status;
}

Limits LimitsOf(const proto::CompileRequest& request) {
  Limits limits;
  if (request.timeout_ms() > 0) {
    limits.time = std::chrono::milliseconds(std::min(request.timeout_ms(), kMaxTimeoutMs));
  }
  if (request.memory_bytes() > 0) {
    limits.memory_bytes = std::min<std::uint64_t>(request.memory_bytes(), 1ull << 40);
  }
  return limits;
}

proto::CompileReply Refused(absl::string_view message) {
  proto::CompileReply reply;
  reply.set_outcome(proto::CompileReply::REFUSED);
  reply.set_message(std::string(message));
  return reply;
}

[[noreturn]] void Answer(int connection, const proto::CompileReply& reply,
                         ReplyStarted& reply_started) {
  reply_started.store(true);
  static_cast<void>(SendMessage(connection, reply));
  _exit(kExitReplied);
}

}  // namespace

void RunCompileChild(const SourceCompiler& compiler, const SyscallFilter& filter,
                     const ChildTask& task, ReplyStarted& reply_started) {
  PrepareProcess(task.parent);
  proto::CompileRequest request;
  const absl::Status received =
      ReceiveMessage(task.connection, &request, /*deadline_ns=*/std::nullopt, kMaxRequestBytes);
  if (absl::IsDataLoss(received)) {
    Answer(task.connection, Refused("not a compile request, or too long; is the source UTF-8?"),
           reply_started);
  }
  if (!received.ok()) _exit(kExitNoRequest);
  if (request.build_id() != BuildId()) {
    Answer(task.connection,
           Refused(absl::StrCat("the compiler is of build ", std::string(BuildId()),
                                ", the request of build ", request.build_id().substr(0, 64))),
           reply_started);
  }
  Limits limits = LimitsOf(request);
  limits.files = task.directory.empty() ? Files::kNone : Files::kPrivate;
  const absl::Status confined = Confine(limits, task.directory, filter);
  if (absl::IsFailedPrecondition(confined)) {
    Answer(task.connection, Refused(confined.message()), reply_started);
  }
  if (!confined.ok()) _exit(kExitCannotLimit);
  std::set_new_handler(ExitOutOfMemory);
  compiler.OnOutOfMemory(ExitOutOfMemory);
  Answer(task.connection, compiler.Compile(request), reply_started);
}

proto::CompileReply ReplyForEndedChild(int wait_status) {
  proto::CompileReply reply;
  if (WIFEXITED(wait_status)) {
    switch (WEXITSTATUS(wait_status)) {
      case kExitOutOfMemory:
        reply.set_outcome(proto::CompileReply::OUT_OF_MEMORY);
        reply.set_message("the compile needed more memory than it may use");
        break;
      case kExitNoRequest:
        reply = Refused("no request arrived");
        break;
      case kExitCannotLimit:
        reply = Refused("the compiler could not be confined");
        break;
      default:
        reply.set_outcome(proto::CompileReply::CRASHED);
        reply.set_message(
            absl::StrCat("the compiler ended with exit code ", WEXITSTATUS(wait_status)));
    }
    return reply;
  }
  const int signal = WTERMSIG(wait_status);
  reply.set_signal(signal);
  if (signal == SIGALRM || signal == SIGXCPU) {
    reply.set_outcome(proto::CompileReply::TIMED_OUT);
    reply.set_message("the compile took longer than it may");
  } else {
    const char* name = sigabbrev_np(signal);
    reply.set_outcome(proto::CompileReply::CRASHED);
    reply.set_message(absl::StrCat("the compiler died of SIG", name == nullptr ? "?" : name));
  }
  return reply;
}

}  // namespace amdgpu::compiler_process
