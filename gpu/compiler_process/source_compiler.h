// What a compiler process serves: source in, code object out. The process around it (zygote.h) is
// the same for every compiler.

#ifndef AMDGPU_GPU_COMPILER_PROCESS_SOURCE_COMPILER_H_
#define AMDGPU_GPU_COMPILER_PROCESS_SOURCE_COMPILER_H_

#include "absl/status/status.h"
#include "proto/compile.pb.h"

namespace amdgpu::compiler_process {

// Compiles one request at a time. A source can crash a compiler or make it run for ever: the zygote
// forks a confined child for each.
class SourceCompiler {
 public:
  virtual ~SourceCompiler() = default;

  // Never fails: the reply's outcome says how it went. Limits of time and memory are the process's;
  // output_bytes is the compiler's to check.
  virtual proto::CompileReply Compile(const proto::CompileRequest& request) const = 0;

  // Fills in what clients learn of it before they ask; all but the build id.
  virtual void Describe(proto::CompilerHello* hello) const = 0;

  // Whether Compile writes temporary files. A child then gets a directory of its own, $TMPDIR, and
  // sees no other file of the machine; otherwise it can open nothing at all.
  virtual bool needs_files() const { return false; }

  // Called once, after the hello and before the first fork: what is set up here, every child has.
  // An error ends the process.
  virtual absl::Status Prepare() { return absl::OkStatus(); }

  // Makes `exit`, which ends the process, what happens when there is no memory. In the child.
  virtual void OnOutOfMemory(void (*exit)()) const { static_cast<void>(exit); }
};

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_GPU_COMPILER_PROCESS_SOURCE_COMPILER_H_
