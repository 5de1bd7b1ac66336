// The process that does one compile: reads the request, locks itself in, compiles, answers, ends.

#ifndef AMDGPU_GPU_COMPILER_PROCESS_COMPILE_CHILD_H_
#define AMDGPU_GPU_COMPILER_PROCESS_COMPILE_CHILD_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "gpu/compiler_process/sandbox.h"
#include "gpu/compiler_process/source_compiler.h"
#include "proto/compile.pb.h"

namespace amdgpu::compiler_process {

inline constexpr std::uint32_t kMaxRequestBytes = 64u << 20;

// In memory that child and parent share: set when the child begins to write its reply, after which
// nobody else may write one.
using ReplyStarted = std::atomic<bool>;

// What a child is given.
struct ChildTask {
  int connection;         // to the client
  pid_t parent;           // the zygote: the child dies with it
  std::string directory;  // its own, for a compiler that needs files; empty for others
};

// Runs in a child of the zygote, on its copy of `compiler`. Never returns.
[[noreturn]] void RunCompileChild(const SourceCompiler& compiler, const SyscallFilter& filter,
                                  const ChildTask& task, ReplyStarted& reply_started);

// What to tell the client of a child that ended without a reply; `wait_status` is waitpid's.
proto::CompileReply ReplyForEndedChild(int wait_status);

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_GPU_COMPILER_PROCESS_COMPILE_CHILD_H_
