// What this compiler adds to clang's view of a HIP source while it is parsed: kernels and shared
// variables are marked for the passes, code that has no meaning on the host device is refused, and
// kernels, variables and references are noted.

#ifndef AMDGPU_GPU_HOST_COMPILER_AST_RULES_H_
#define AMDGPU_GPU_HOST_COMPILER_AST_RULES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clang/AST/ASTConsumer.h"
#include "clang/AST/ASTContext.h"
#include "clang/Basic/Diagnostic.h"
#include "gpu/host/compiler/diagnostics.h"
#include "proto/code_object.pb.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

// Prefix of the variables that the frontend declares for name expressions; a number follows.
inline constexpr char kNameVariablePrefix[] = "__hd_name_";

struct SourceFacts {
  // The kernels that were asked for, with their signatures: those of the name expressions, or all
  // that are not templates.
  std::vector<proto::KernelInfo> kernels;
  // __device__ and __constant__ variables.
  std::vector<proto::GlobalInfo> globals;
  // Kernels that the source has, templates too, for messages.
  std::vector<std::string> available;
  // Name expressions that name something else than a kernel with a body, by their index.
  std::vector<int> bad_names;
  // Where a function or variable without a body is first used, by its symbol.
  std::map<std::string, proto::Diagnostic> undefined;
};

// Applies the rules and hands the declarations on to `generator`, all of them at the end of the
// translation unit: marking a kernel changes its type, which the parser must not see. `names` are
// the caller's name expressions; `facts` is filled at the end. The pointers must outlive the
// consumer.
std::unique_ptr<clang::ASTConsumer> CreateAstRules(std::vector<std::string> names,
                                                   clang::DiagnosticsEngine& diagnostics,
                                                   const DiagnosticCollector* collector,
                                                   SourceFacts* facts,
                                                   std::unique_ptr<clang::ASTConsumer> generator);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_AST_RULES_H_
