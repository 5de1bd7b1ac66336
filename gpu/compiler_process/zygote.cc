#include "gpu/compiler_process/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/build_id.h"
#include "c_src/base/error.h"
#include "c_src/base/message_socket.h"
#include "proto/compile.pb.h"

namespace amdgpu::compiler_process {
namespace {

ReplyStarted* NewReplyStarted() {
  void* page = mmap(nullptr, sizeof(ReplyStarted), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? nullptr : new (page) ReplyStarted(false);
}

// A reply for a client that may not be reading: it fits into the socket's buffer or is dropped.
void Reply(int connection, const proto::CompileReply& reply) {
  const int flags = fcntl(connection, F_GETFL);
  fcntl(connection, F_SETFL, flags | O_NONBLOCK);
  static_cast<void>(SendMessage(connection, reply));
}

}  // namespace

absl::Status SayHello(int control, proto::CompilerHello hello) {
  hello.set_build_id(std::string(BuildId()));
  const std::string bytes = hello.SerializeAsString();
  if (send(control, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0) return absl::OkStatus();
  if (errno == EPIPE || errno == ECONNRESET) return absl::CancelledError("nobody waits");
  return ErrnoError(errno, "saying hello");
}

Zygote::Zygote(SourceCompiler& compiler, SyscallFilter filter, int control, int max_children)
    : compiler_(compiler),
      filter_(std::move(filter)),
      control_(control),
      max_children_(static_cast<std::size_t>(std::max(max_children, 1))) {}

Zygote::~Zygote() {
  KillAll();
  if (child_signal_ >= 0) close(child_signal_);
}

absl::Status Zygote::Run() {
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_signal, nullptr);
  child_signal_ = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
  if (child_signal_ < 0) return ErrnoError(errno, "making a signalfd");
  if (compiler_.needs_files()) {
    auto directories = PrivateDirectories::Create();
    if (!directories.ok()) return directories.status();
    directories_.emplace(*std::move(directories));
  }
  proto::CompilerHello hello;
  compiler_.Describe(&hello);
  absl::Status status = SayHello(control_, std::move(hello));
  // A program that has ended before we were ready.
  if (absl::IsCancelled(status)) return absl::OkStatus();
  if (status.ok()) status = compiler_.Prepare();
  for (bool closed = false; status.ok() && !closed;) status = WaitForSomething(&closed);
  return status;
}

absl::Status Zygote::WaitForSomething(bool* closed) {
  std::vector<pollfd> polled;
  const bool full = children_.size() >= max_children_;
  polled.push_back({control_, static_cast<short>(full ? 0 : POLLIN), 0});
  polled.push_back({child_signal_, POLLIN, 0});
  // Of a connection only the hang-up matters, once.
  for (const Child& child : children_) {
    polled.push_back({child.cancelled ? -1 : child.connection, 0, 0});
  }
  if (poll(polled.data(), polled.size(), /*timeout=*/-1) < 0) {
    return errno == EINTR ? absl::OkStatus() : ErrnoError(errno, "waiting");
  }
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (polled[i + 2].revents == 0) continue;
    children_[i].cancelled = true;
    kill(children_[i].pid, SIGKILL);
  }
  if (polled[1].revents != 0) Reap();
  if ((polled[0].revents & POLLIN) != 0) {
    auto open = Accept();
    if (!open.ok()) return open.status();
    *closed = !*open;
  } else if (polled[0].revents != 0) {
    *closed = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Zygote::Accept() {
  char byte;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t got = recvmsg(control_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0) {
    if (errno == EINTR || errno == EAGAIN) return true;
    return errno == ECONNRESET ? absl::StatusOr<bool>(false)
                               : ErrnoError(errno, "receiving a request");
  }
  if (got == 0) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int))) {
    return true;  // a byte without a connection asks for nothing
  }
  int connection;
  memcpy(&connection, CMSG_DATA(header), sizeof(connection));
  Fork(connection);
  return true;
}

void Zygote::Fork(int connection) {
  Child child;
  child.connection = connection;
  child.reply_started = NewReplyStarted();
  absl::Status status = child.reply_started == nullptr
                            ? absl::ResourceExhaustedError("no shared memory")
                            : absl::OkStatus();
  if (status.ok() && directories_.has_value()) {
    auto directory = directories_->Make();
    status = directory.status();
    if (directory.ok()) child.directory = *std::move(directory);
  }
  const ChildTask task = {connection, getpid(), child.directory};
  child.pid = status.ok() ? fork() : -1;
  if (child.pid == 0) {
    CloseForChild();
    RunCompileChild(compiler_, filter_, task, *child.reply_started);
  }
  if (child.pid < 0) {
    if (status.ok()) status = ErrnoError(errno, "fork");
    proto::CompileReply reply;
    reply.set_outcome(proto::CompileReply::OUT_OF_MEMORY);
    reply.set_message(absl::StrCat("no process for the compile: ", status.message()));
    Reply(connection, reply);
    Release(child);
    return;
  }
  children_.push_back(std::move(child));
}

void Zygote::Reap() {
  signalfd_siginfo info;
  while (read(child_signal_, &info, sizeof(info)) > 0) {
  }
  for (;;) {
    int wait_status;
    const pid_t pid = waitpid(-1, &wait_status, WNOHANG);
    if (pid <= 0) return;
    const auto child = std::find_if(children_.begin(), children_.end(),
                                    [&](const Child& c) { return c.pid == pid; });
    if (child == children_.end()) continue;
    Finish(*child, wait_status);
    children_.erase(child);
  }
}

void Zygote::Finish(const Child& child, int wait_status) {
  if (!child.cancelled && !child.reply_started->load()) {
    Reply(child.connection, ReplyForEndedChild(wait_status));
  }
  Release(child);
}

void Zygote::Release(const Child& child) {
  close(child.connection);
  if (child.reply_started != nullptr) munmap(child.reply_started, sizeof(*child.reply_started));
  if (!child.directory.empty()) PrivateDirectories::Remove(child.directory);
}

void Zygote::CloseForChild() {
  if (directories_.has_value()) directories_->Forget();
  close(control_);
  close(child_signal_);
  for (const Child& other : children_) close(other.connection);
}

void Zygote::KillAll() {
  for (const Child& child : children_) kill(child.pid, SIGKILL);
  for (const Child& child : children_) {
    waitpid(child.pid, nullptr, 0);
    Release(child);
  }
  children_.clear();
}

}  // namespace amdgpu::compiler_process
