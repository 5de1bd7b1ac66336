// What the stand-ins for rocBLAS and cuBLAS have in common: the product of matrices, computed as
// its definition says, in the streams of the stand-in runtime that they are linked to.
//
// Calls can be told to fail like those of the runtime (script.h): BlasCreate, BlasSetStream,
// BlasGemm; a number is the library's own status.

#ifndef AMDGPU_TESTS_SUPPORT_STANDIN_BLAS_H_
#define AMDGPU_TESTS_SUPPORT_STANDIN_BLAS_H_

#include <cstdint>
#include <functional>

#include "gpu/vendor/vendor_api.h"

// Of the runtime (symbols.cc).
extern "C" {
amdgpu::vendor::Result standin_enter(const char* call);
amdgpu::vendor::Result standin_sticky();
amdgpu::vendor::Result standin_enqueue(amdgpu::vendor::Stream stream,
                                       const std::function<amdgpu::vendor::Result()>* work);
bool standin_is_device_memory(amdgpu::vendor::Address address, std::size_t bytes);
}

namespace standin {

enum class Type { kF16, kBf16, kF32, kF64 };

// Column-major, as these libraries have it.
struct Gemm {
  bool transpose_a;
  bool transpose_b;
  int m;
  int n;
  int k;
  const void* alpha;  // a double for kF64, else a float
  amdgpu::vendor::Address a;
  int line_a;
  std::int64_t stride_a;
  amdgpu::vendor::Address b;
  int line_b;
  std::int64_t stride_b;
  const void* beta;
  amdgpu::vendor::Address c;
  int line_c;
  std::int64_t stride_c;
  int batch;
};

struct BlasHandle {
  amdgpu::vendor::Stream stream = nullptr;
};

// False: sizes that the libraries refuse.
bool RunGemm(const BlasHandle& handle, Type type, const Gemm& gemm);

}  // namespace standin

#endif  // AMDGPU_TESTS_SUPPORT_STANDIN_BLAS_H_
