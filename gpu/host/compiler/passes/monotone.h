// Integer expressions that do not decrease when a thread index grows: `blockIdx.x * blockDim.x +
// threadIdx.x` and what is made of it. What holds for the block's last thread then bounds what
// holds for all.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_MONOTONE_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_MONOTONE_H_

#include <optional>

#include "gpu/host/compiler/passes/kernel_core.h"

namespace amdgpu::hostcc {

enum class Order { kSigned, kUnsigned };

struct Monotone {
  bool uses_thread = false;  // a thread index occurs in it
  bool uses_block = false;   // so does a block index
};

// Set if `value` never decreases when a thread index grows, as a number of the given order, does
// not wrap, and is made of thread indices and of what is known when the block starts.
std::optional<Monotone> isMonotone(const KernelCore& core, llvm::Value* value, Order order);

// The monotone `value` for the block's first (0, 0, 0) or last thread, as a 64-bit number that has
// not wrapped: that thread may be one for which the original overflows and which does not get to
// compute it.
llvm::Value* evaluateForThread(const KernelCore& core, llvm::Value* value, Order order,
                               bool last_thread, llvm::IRBuilder<>& builder);

// True of < and <=, signed or not.
inline bool isLess(llvm::CmpInst::Predicate predicate) {
  return predicate == llvm::CmpInst::ICMP_SLT || predicate == llvm::CmpInst::ICMP_ULT ||
         predicate == llvm::CmpInst::ICMP_SLE || predicate == llvm::CmpInst::ICMP_ULE;
}

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_MONOTONE_H_
