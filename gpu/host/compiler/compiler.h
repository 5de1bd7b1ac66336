// The host device's compiler: HIP C++ source in, a HostCodeObject out, all in this process.

#ifndef AMDGPU_GPU_HOST_COMPILER_COMPILER_H_
#define AMDGPU_GPU_HOST_COMPILER_COMPILER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/compiler_process/source_compiler.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

class Frontend;
struct Target;

// Compiles one request at a time. A source can crash clang or make it run for ever: whoever
// compiles what it does not trust does so in a process of its own (gpu/compiler_process).
class Compiler final : public compiler_process::SourceCompiler {
 public:
  // Prepares clang and LLVM; takes a tenth of a second, which forked children then save.
  static absl::StatusOr<std::unique_ptr<Compiler>> Create();
  ~Compiler() override;

  // For a request with `signature_only` the code object holds no code, and the source is only
  // parsed: what a compiler for another device cannot tell of its kernels.
  proto::CompileReply Compile(const proto::CompileRequest& request) const override;
  void Describe(proto::CompilerHello* hello) const override;
  void OnOutOfMemory(void (*exit)()) const override;

  // Compiles something small, so that what clang and LLVM set up at first use is set up.
  absl::Status WarmUp() const;

  // "clang 19.1.7".
  static std::string Version();

 private:
  Compiler(std::unique_ptr<const Target> target, std::unique_ptr<const Frontend> frontend);

  const std::unique_ptr<const Target> target_;
  const std::unique_ptr<const Frontend> frontend_;
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_COMPILER_H_
