// The compiler's parent process: warm, single-threaded, and idle but for forking one child per
// compile.
//
// It is told of a compile by one byte on its control socket (SOCK_SEQPACKET) with one end of a
// stream socket attached; the child reads a CompileRequest from it and writes a CompileReply, each
// as c_src/base/message_socket.h has it. The zygote keeps a copy of that end: it sees the client
// hang up, which cancels the compile, and it answers for a child that cannot. When the control
// socket closes, it kills its children and ends.

#ifndef AMDGPU_GPU_COMPILER_PROCESS_ZYGOTE_H_
#define AMDGPU_GPU_COMPILER_PROCESS_ZYGOTE_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/compiler_process/compile_child.h"
#include "gpu/compiler_process/private_directory.h"
#include "gpu/compiler_process/sandbox.h"
#include "gpu/compiler_process/source_compiler.h"
#include "proto/compile.pb.h"

namespace amdgpu::compiler_process {

// The first message on a control socket; sets the build id. kCancelled: its other end has closed.
absl::Status SayHello(int control, proto::CompilerHello hello);

class Zygote {
 public:
  // `control` stays the caller's. At most `max_children` compiles run at a time; more wait in the
  // control socket. The filter is for as many files as the compiler needs.
  Zygote(SourceCompiler& compiler, SyscallFilter filter, int control, int max_children);
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;
  ~Zygote();

  // Says hello, prepares the compiler and serves until the control socket closes (kOk) or this
  // process cannot go on.
  absl::Status Run();

 private:
  struct Child {
    pid_t pid = -1;
    int connection = -1;                    // our copy of the client's connection
    ReplyStarted* reply_started = nullptr;  // shared with the child
    std::string directory;                  // its own; may be empty
    bool cancelled = false;
  };

  absl::Status WaitForSomething(bool* closed);
  // One request from the control socket; false when the socket has closed.
  absl::StatusOr<bool> Accept();
  void Fork(int connection);
  void Reap();
  void Finish(const Child& child, int wait_status);
  static void Release(const Child& child);
  void CloseForChild();
  void KillAll();

  SourceCompiler& compiler_;
  const SyscallFilter filter_;
  const int control_;
  const std::size_t max_children_;
  std::optional<PrivateDirectories> directories_;
  int child_signal_ = -1;  // signalfd for SIGCHLD
  std::vector<Child> children_;
};

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_GPU_COMPILER_PROCESS_ZYGOTE_H_
