// The compiler's parent process: warm, single-threaded, and idle but for forking one child per
// compile.
//
// It is told of a compile by one byte on its control socket (SOCK_SEQPACKET) with one end of a
// stream socket attached; the child reads a CompileRequest from it and writes a CompileReply, each
// as c_src/base/message_socket.h has it. The zygote keeps a copy of that end: it sees the client
// hang up, which cancels the compile, and it answers for a child that cannot. When the control
// socket closes, it kills its children and ends.

#ifndef AMDGPU_GPU_HOST_COMPILER_ZYGOTE_H_
#define AMDGPU_GPU_HOST_COMPILER_ZYGOTE_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/host/compiler/compile_child.h"
#include "gpu/host/compiler/compiler.h"
#include "gpu/host/compiler/sandbox.h"

namespace amdgpu::hostcc {

class Zygote {
 public:
  // `control` stays the caller's. At most `max_children` compiles run at a time; more wait in the
  // control socket.
  Zygote(const Compiler& compiler, SyscallFilter filter, int control, int max_children);
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;
  ~Zygote();

  // Says hello and serves until the control socket closes (kOk) or this process cannot go on.
  absl::Status Run();

 private:
  struct Child {
    pid_t pid;
    int connection;               // our copy of the client's connection
    ReplyStarted* reply_started;  // shared with the child
    bool cancelled = false;
  };

  absl::Status SayHello();
  absl::Status WaitForSomething(bool* closed);
  // One request from the control socket; false when the socket has closed.
  absl::StatusOr<bool> Accept();
  void Fork(int connection);
  void Reap();
  void Finish(const Child& child, int wait_status);
  void CloseForChild();
  void KillAll();

  const Compiler& compiler_;
  const SyscallFilter filter_;
  const int control_;
  const std::size_t max_children_;
  int child_signal_ = -1;  // signalfd for SIGCHLD
  std::vector<Child> children_;
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_ZYGOTE_H_
