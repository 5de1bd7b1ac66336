// The compiler process, as its client sees it.
//
// It is one warm process that forks a child for each compile. It inherits a SOCK_SEQPACKET socket
// as descriptor 3 and, once warm, sends a proto::CompilerHello there. For each compile it receives
// there one byte with one end of a stream socket attached, reads a CompileRequest from that and
// writes a CompileReply (c_src/base/message_socket.h). When the other end is closed before the
// reply came, it kills the child. EOF on descriptor 3 ends it.

#ifndef AMDGPU_C_SRC_KERNEL_COMPILER_PROCESS_H_
#define AMDGPU_C_SRC_KERNEL_COMPILER_PROCESS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/spawn.h"
#include "c_src/base/unique_fd.h"
#include "proto/compile.pb.h"

namespace amdgpu {

// Never blocks, except for the moment that ending it takes. Not thread-safe.
class CompilerProcess {
 public:
  static absl::StatusOr<CompilerProcess> Start(const std::string& path,
                                               const std::vector<std::string>& args);
  CompilerProcess(CompilerProcess&& other) noexcept;
  CompilerProcess& operator=(CompilerProcess&& other) = delete;
  ~CompilerProcess() { End(); }

  // Readable when there is something to receive, or it is gone.
  int control_fd() const { return control_.get(); }
  // Readable when it is gone; -1 where the kernel has no such descriptors.
  int pidfd() const { return child_.pidfd.get(); }

  // Its hello, or nothing yet. kInternal: it sent something else.
  absl::StatusOr<std::optional<proto::CompilerHello>> ReceiveHello();
  // After the hello: OK, or what has become of it.
  absl::Status Check();
  // Hands over one end of a request's socket, which stays the caller's. kUnavailable: not now.
  absl::Status SendRequestSocket(int fd);
  // Kills it and everything it started. How it had ended, for people.
  std::string End();

 private:
  CompilerProcess(ChildProcess child, UniqueFd control);

  ChildProcess child_;
  UniqueFd control_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_COMPILER_PROCESS_H_
