// The process that does one compile: reads the request, locks itself in, compiles, answers, ends.

#ifndef AMDGPU_GPU_HOST_COMPILER_COMPILE_CHILD_H_
#define AMDGPU_GPU_HOST_COMPILER_COMPILE_CHILD_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "gpu/host/compiler/compiler.h"
#include "gpu/host/compiler/sandbox.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

inline constexpr std::uint32_t kMaxRequestBytes = 64u << 20;

// In memory that child and parent share: set when the child begins to write its reply, after which
// nobody else may write one.
using ReplyStarted = std::atomic<bool>;

// Runs in a child of the zygote, on its copy of `compiler`. Never returns. `parent` is the zygote:
// the child dies with it.
[[noreturn]] void RunCompileChild(const Compiler& compiler, const SyscallFilter& filter,
                                  int connection, pid_t parent, ReplyStarted& reply_started);

// What to tell the client of a child that ended without a reply; `wait_status` is waitpid's.
proto::CompileReply ReplyForEndedChild(int wait_status);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_COMPILE_CHILD_H_
