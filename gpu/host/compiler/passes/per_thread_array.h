// Storage for one value for each thread of a block or of a warp.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_PER_THREAD_ARRAY_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_PER_THREAD_ARRAY_H_

#include "gpu/host/compiler/passes/kernel_core.h"

namespace amdgpu::hostcc {

class PerThreadArray {
 public:
  PerThreadArray() = default;

  // Elements of `type`, as many as `count` says: a constant where it can be, which LLVM analyses
  // more precisely. Each element is at least `align`ed.
  PerThreadArray(const KernelCore& core, llvm::Type* type, llvm::Value* count,
                 const llvm::Twine& name, llvm::Align align = llvm::Align(1));

  explicit operator bool() const { return array_ != nullptr; }

  // Address of element `index` (i64).
  llvm::Value* at(llvm::IRBuilder<>& builder, llvm::Value* index) const;

 private:
  llvm::Type* element_ = nullptr;
  llvm::Type* fixed_array_ = nullptr;  // null: the number of elements is known at run time only
  llvm::AllocaInst* array_ = nullptr;
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_PER_THREAD_ARRAY_H_
