// The tests' own client of the compiler process.

#ifndef AMDGPU_TESTS_GPU_COMPILER_PROCESS_ZYGOTE_CLIENT_H_
#define AMDGPU_TESTS_GPU_COMPILER_PROCESS_ZYGOTE_CLIENT_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "c_src/base/unique_fd.h"
#include "proto/compile.pb.h"

namespace amdgpu::compiler_process {

// A running compiler process. Ended by the destructor.
class ZygoteClient {
 public:
  explicit ZygoteClient(const std::string& path, const std::vector<std::string>& arguments = {});
  ~ZygoteClient();

  const proto::CompilerHello& hello() const { return hello_; }
  pid_t pid() const { return pid_; }

  // Begins a compile; the reply comes on the result. The request's build id is set if it is empty.
  UniqueFd Start(proto::CompileRequest request);
  // One byte with this descriptor, or without one for -1.
  void SendRaw(int fd);
  // Begins a conversation and sends these bytes.
  UniqueFd StartRaw(const std::string& bytes);
  // Waits for the reply; nothing if the connection closed first.
  static std::optional<proto::CompileReply> Wait(const UniqueFd& connection);

  proto::CompileReply Compile(const proto::CompileRequest& request);
  proto::CompileReply Compile(const std::string& source);

  // Pids of its children now.
  std::vector<pid_t> Children() const;
  // Waits until it has `count` children; false after five seconds.
  bool WaitForChildren(std::size_t count) const;

  // Closes the control socket and returns the exit status (waitpid's).
  int End();

 private:
  UniqueFd control_;
  pid_t pid_ = -1;
  proto::CompilerHello hello_;
};

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_TESTS_GPU_COMPILER_PROCESS_ZYGOTE_CLIENT_H_
