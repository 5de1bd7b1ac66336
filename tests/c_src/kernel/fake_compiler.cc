// A compiler process that does what the first word of the source tells it, for tests of its client.
//
//   fake_compiler [--log=FILE] [--start=MODE] [--version=TEXT]
//
// Every compile appends "<pid> <source>" to the log, every start "start <pid>".

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "c_src/base/build_id.h"
#include "c_src/base/message_socket.h"
#include "proto/compile.pb.h"

namespace {

using amdgpu::proto::CompileReply;
using amdgpu::proto::CompileRequest;
using amdgpu::proto::Diagnostic;

constexpr int kControlFd = 3;

std::string log_path;

void Log(const std::string& line) {
  if (log_path.empty()) return;
  const int fd = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string text = line + "\n";
  if (write(fd, text.data(), text.size()) < 0) _exit(90);
  close(fd);
}

// True the first time that it is asked about `path`.
bool FirstTime(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

void AddDiagnostic(CompileReply& reply, Diagnostic::Severity severity, const char* message) {
  Diagnostic& diagnostic = *reply.add_diagnostics();
  diagnostic.set_severity(severity);
  diagnostic.set_file("kernel.hip");
  diagnostic.set_line(3);
  diagnostic.set_column(10);
  diagnostic.set_message(message);
  diagnostic.set_source_line("  x[i] = foo;");
}

void WriteRaw(int fd, const void* bytes, std::size_t size) {
  if (send(fd, bytes, size, MSG_NOSIGNAL) < 0) _exit(91);
}

[[noreturn]] void SleepForever() {
  while (true) pause();
}

// The child of one compile.
[[noreturn]] void Compile(int fd) {
  CompileRequest request;
  if (!amdgpu::ReceiveMessage(fd, &request).ok()) _exit(92);
  Log(std::to_string(getpid()) + " " + request.source().substr(0, 200));
  std::istringstream words(request.source());
  std::string mode, argument;
  words >> mode >> argument;

  CompileReply reply;
  if (mode == "crash" || (mode == "crash-once" && FirstTime(argument))) raise(SIGKILL);
  if (mode == "vanish") _exit(0);
  if (mode == "hang" || (mode == "hang-once" && FirstTime(argument))) SleepForever();
  if (mode == "die" || (mode == "die-once" && FirstTime(argument))) {
    kill(getppid(), SIGKILL);
    SleepForever();
  }
  if (mode == "stop") {
    kill(getppid(), SIGSTOP);
    SleepForever();
  }
  if (mode == "slow") usleep(static_cast<useconds_t>(std::stoul(argument)) * 1000);
  if (mode == "garbage") {
    WriteRaw(fd, "\x04\0\0\0\xff\xff\xff\xff", 8);
    _exit(0);
  }
  if (mode == "oversized") {
    WriteRaw(fd, "\xff\xff\xff\xff rest", 9);
    _exit(0);
  }
  if (mode == "half") {
    WriteRaw(fd, "\x40\0\0\0 some of it", 15);
    _exit(0);
  }
  if (mode == "error") {
    reply.set_outcome(CompileReply::SOURCE_ERROR);
    AddDiagnostic(reply, Diagnostic::ERROR, "use of undeclared identifier 'foo'");
  } else if (mode == "timeout") {
    reply.set_outcome(CompileReply::TIMED_OUT);
  } else if (mode == "memory") {
    reply.set_outcome(CompileReply::OUT_OF_MEMORY);
  } else if (mode == "output") {
    reply.set_outcome(CompileReply::OUTPUT_TOO_LARGE);
  } else if (mode == "refuse") {
    reply.set_outcome(CompileReply::REFUSED);
    reply.set_message("unknown target");
  } else if (mode == "big") {
    reply.set_code_object(std::string(std::stoul(argument), 'b'));
  } else {
    reply.set_code_object("code of " + request.source());
    if (mode == "warn") AddDiagnostic(reply, Diagnostic::WARNING, "unused variable 'x'");
  }
  _exit(amdgpu::SendMessage(fd, reply).ok() ? 0 : 93);
}

struct Running {
  amdgpu::UniqueFd socket;
  amdgpu::UniqueFd pidfd;
  pid_t pid;
};

// True when the compile is over.
bool Tend(Running& running, short socket_events, short pid_events) {
  if ((socket_events & (POLLHUP | POLLERR)) != 0 && pid_events == 0) {
    // A client that has its answer hangs up before the child has quite ended: that is no cancel.
    pollfd ending = {running.pidfd.get(), POLLIN, 0};
    if (poll(&ending, 1, 50) == 1) return Tend(running, 0, POLLIN);
    kill(running.pid, SIGKILL);
    Log("killed " + std::to_string(running.pid));
  } else if (pid_events == 0) {
    return false;
  }
  int status = 0;
  waitpid(running.pid, &status, 0);
  if (WIFSIGNALED(status)) {
    CompileReply reply;
    reply.set_outcome(CompileReply::CRASHED);
    reply.set_signal(WTERMSIG(status));
    (void)amdgpu::SendMessage(running.socket.get(), reply);
  }
  return true;
}

void Serve() {
  std::vector<Running> all;
  while (true) {
    std::vector<pollfd> fds = {{kControlFd, POLLIN, 0}};
    for (const Running& running : all) {
      fds.push_back({running.socket.get(), 0, 0});  // hangup only
      fds.push_back({running.pidfd.get(), POLLIN, 0});
    }
    poll(fds.data(), fds.size(), -1);
    for (std::size_t i = all.size(); i-- > 0;) {
      if (Tend(all[i], fds[1 + 2 * i].revents, fds[2 + 2 * i].revents)) {
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if (fds[0].revents == 0) continue;
    absl::StatusOr<amdgpu::UniqueFd> socket = amdgpu::ReceiveFd(kControlFd);
    if (!socket.ok()) _exit(0);
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(kControlFd);
      all.clear();
      Compile(socket->get());
    }
    amdgpu::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    all.push_back({*std::move(socket), std::move(pidfd), pid});
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string start = "ok";
  std::string version = "fake 1";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::string value = argument.substr(argument.find('=') + 1);
    if (argument.starts_with("--log=")) log_path = value;
    if (argument.starts_with("--start=")) start = value;
    if (argument.starts_with("--version=")) version = value;
  }
  Log("start " + std::to_string(getpid()));
  if (start == "die") _exit(7);
  if (start.starts_with("die-once:") && FirstTime(start.substr(9))) _exit(7);
  if (start == "silent") SleepForever();
  if (start == "garbage") {
    WriteRaw(kControlFd, "\xff\xff\xff\xff", 4);
    SleepForever();
  }
  amdgpu::proto::CompilerHello hello;
  hello.set_build_id(start == "wrong-build" ? "someone else's" : std::string(amdgpu::BuildId()));
  hello.set_version(version);
  hello.set_target_cpu("fake");
  const std::string bytes = hello.SerializeAsString();
  WriteRaw(kControlFd, bytes.data(), bytes.size());
  Serve();
}
