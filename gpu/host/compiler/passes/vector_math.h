// Vector variants of the C library's math functions at the full vector width.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_VECTOR_MATH_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_VECTOR_MATH_H_

#include "llvm/IR/Function.h"

namespace amdgpu::hostcc {

// Tells the vectoriser about glibc's AVX-512 variants (16 floats, 8 doubles) of the math functions
// that `function` calls; LLVM 19 knows the narrower ones only. The variants are at most 4 ulp off.
void declareVectorMath(llvm::Function& function);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_VECTOR_MATH_H_
