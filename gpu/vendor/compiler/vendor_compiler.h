// HIP C++ for GPUs: a vendor's run-time compiler, asked for one target at a time.

#ifndef AMDGPU_GPU_VENDOR_COMPILER_VENDOR_COMPILER_H_
#define AMDGPU_GPU_VENDOR_COMPILER_VENDOR_COMPILER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/compiler_process/source_compiler.h"
#include "gpu/vendor/compiler/device_headers.h"
#include "gpu/vendor/compiler/rtc_library.h"
#include "proto/compile.pb.h"

namespace amdgpu::vendorcc {

// Compiles for targets "gfx..." (AMD), or "sm_..." and "compute_..." (NVIDIA). The code object of a
// reply is a serialized VendorCodeObject whose signatures are those of the image: what only the
// source tells is for the asking side to add.
class VendorCompiler final : public compiler_process::SourceCompiler {
 public:
  // kNotFound: the vendor's library is absent or of no use.
  static absl::StatusOr<std::unique_ptr<VendorCompiler>> Create(Vendor vendor);
  explicit VendorCompiler(RtcLibrary library);

  proto::CompileReply Compile(const proto::CompileRequest& request) const override;
  void Describe(proto::CompilerHello* hello) const override;
  // A vendor's library may write temporary files; AMD's does.
  bool needs_files() const override { return true; }
  // Compiles something small: the libraries load others when they are first used.
  absl::Status Prepare() override;

 private:
  class Program;

  absl::Status CheckTarget(const proto::CompileRequest& request) const;
  // The source with what comes before and behind it.
  std::string SourceText(const proto::CompileRequest& request) const;
  std::string ErrorText(int result) const;
  // From a compiled program into `reply`.
  void TakeCode(const Program& program, const proto::CompileRequest& request,
                proto::CompileReply* reply) const;

  const RtcLibrary library_;
  const DeviceHeaders headers_;
};

}  // namespace amdgpu::vendorcc

#endif  // AMDGPU_GPU_VENDOR_COMPILER_VENDOR_COMPILER_H_
