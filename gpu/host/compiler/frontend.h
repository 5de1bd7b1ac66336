// From HIP source to an LLVM module: clang in process, over a file system that exists in memory
// only.

#ifndef AMDGPU_GPU_HOST_COMPILER_FRONTEND_H_
#define AMDGPU_GPU_HOST_COMPILER_FRONTEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "clang/Frontend/FrontendAction.h"
#include "gpu/host/compiler/ast_rules.h"
#include "gpu/host/compiler/diagnostics.h"
#include "gpu/host/compiler/target.h"
#include "llvm/ADT/IntrusiveRefCntPtr.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/VirtualFileSystem.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

// Holds the device headers and their precompiled form. Its methods may be called from one thread at
// a time.
class Frontend {
 public:
  // Precompiles the prelude for the default language standard (tens of milliseconds).
  static absl::StatusOr<std::unique_ptr<const Frontend>> Create(const Target& target);

  // Compiles a request that CheckRequest accepted. On an error of the source the diagnostics in
  // `reply` say why, and the result is null; warnings are added either way. Not optimised.
  std::unique_ptr<llvm::Module> Run(const proto::CompileRequest& request,
                                    llvm::LLVMContext& context, SourceFacts* facts,
                                    proto::CompileReply* reply) const;

  // Parses the declarations alone and fills `facts`; bodies of functions are skipped, since what
  // is in them may be meant for another device. False on an error, which `reply` then holds.
  bool RunSignatures(const proto::CompileRequest& request, SourceFacts* facts,
                     proto::CompileReply* reply) const;

 private:
  explicit Frontend(const Target& target);
  absl::Status PrecompilePrelude();
  // Runs `action` over the request's source. False on an error, which `reply` then holds.
  bool RunAction(const proto::CompileRequest& request, clang::FrontendAction& action,
                 DiagnosticCollector& collector, const SourceFacts& facts,
                 proto::CompileReply* reply) const;

  const Target target_;
  llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem> headers_;
  std::string precompiled_;  // in headers_ too, by reference
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_FRONTEND_H_
