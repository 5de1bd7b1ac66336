// What a launch must know of a kernel, from its declaration: names, types and the layout of its
// arguments.

#ifndef AMDGPU_GPU_HOST_COMPILER_KERNEL_SIGNATURE_H_
#define AMDGPU_GPU_HOST_COMPILER_KERNEL_SIGNATURE_H_

#include "absl/strings/string_view.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Decl.h"
#include "proto/code_object.pb.h"

namespace amdgpu::hostcc {

// `name` is what the caller asked for. Arguments are laid out as the members of a C struct.
proto::KernelInfo KernelSignature(clang::ASTContext& context, const clang::FunctionDecl& kernel,
                                  absl::string_view name);

// The symbol of a function or variable.
std::string SymbolOf(clang::ASTContext& context, const clang::NamedDecl& declaration);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_KERNEL_SIGNATURE_H_
