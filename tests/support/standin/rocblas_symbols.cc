// The symbols of librocblas.

#include <cstdio>

#include "tests/support/standin/blas.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

using amdgpu::vendor::Address;
using amdgpu::vendor::Stream;
using standin::BlasHandle;

namespace {

constexpr int kNotImplemented = 2;
constexpr int kInvalidSize = 4;
constexpr int kInternalError = 6;
constexpr int kInvalidValue = 11;

constexpr int kAsStored = 111;
constexpr int kTransposed = 112;

int Told(const char* call) {
  if (const int told = standin_enter(call); told != 0) return told;
  return standin_sticky() == 0 ? 0 : kInternalError;
}

bool IsOperation(int operation) { return operation == kAsStored || operation == kTransposed; }

bool TypeOf(int data, int compute, standin::Type* type) {
  switch (data) {
    case 150:
      *type = standin::Type::kF16;
      return compute == 151;
    case 151:
      *type = standin::Type::kF32;
      return compute == 151;
    case 152:
      *type = standin::Type::kF64;
      return compute == 152;
    case 168:
      *type = standin::Type::kBf16;
      return compute == 151;
    default:
      return false;
  }
}

}  // namespace

EXPORT int rocblas_create_handle(BlasHandle** handle) {
  if (const int told = Told("BlasCreate"); told != 0) return told;
  *handle = new BlasHandle;
  return 0;
}
EXPORT int rocblas_destroy_handle(BlasHandle* handle) {
  standin_enter("BlasDestroy");
  delete handle;
  return 0;
}
EXPORT int rocblas_set_stream(BlasHandle* handle, Stream stream) {
  if (const int told = Told("BlasSetStream"); told != 0) return told;
  handle->stream = stream;
  return 0;
}
EXPORT int rocblas_get_version_string(char* text, std::size_t bytes) {
  std::snprintf(text, bytes, "4.2.0.stand-in");
  return 0;
}
EXPORT const char* rocblas_status_to_string(int status) {
  return status == 5 ? "rocblas_status_memory_error" : "rocblas_status_standin";
}
EXPORT int rocblas_gemm_strided_batched_ex(BlasHandle* handle, int op_a, int op_b, int m, int n,
                                           int k, const void* alpha, Address a, int type_a,
                                           int line_a, std::int64_t stride_a, Address b, int type_b,
                                           int line_b, std::int64_t stride_b, const void* beta,
                                           Address c, int type_c, int line_c, std::int64_t stride_c,
                                           Address d, int type_d, int line_d, std::int64_t stride_d,
                                           int batch, int compute, int algorithm,
                                           std::int32_t solution, std::uint32_t flags) {
  if (const int told = Told("BlasGemm"); told != 0) return told;
  standin::Type type;
  if (algorithm != 0 || solution != 0 || flags != 0 || !IsOperation(op_a) || !IsOperation(op_b) ||
      d != c || line_d != line_c || stride_d != stride_c) {
    return kInvalidValue;
  }
  if (type_a != type_b || type_b != type_c || type_c != type_d || !TypeOf(type_a, compute, &type)) {
    return kNotImplemented;
  }
  return standin::RunGemm(*handle, type,
                          {op_a == kTransposed, op_b == kTransposed, m, n, k, alpha, a, line_a,
                           stride_a, b, line_b, stride_b, beta, c, line_c, stride_c, batch})
             ? 0
             : kInvalidSize;
}
EXPORT int rocblas_gemm_ex(BlasHandle* handle, int op_a, int op_b, int m, int n, int k,
                           const void* alpha, Address a, int type_a, int line_a, Address b,
                           int type_b, int line_b, const void* beta, Address c, int type_c,
                           int line_c, Address d, int type_d, int line_d, int compute,
                           int algorithm, std::int32_t solution, std::uint32_t flags) {
  return rocblas_gemm_strided_batched_ex(handle, op_a, op_b, m, n, k, alpha, a, type_a, line_a, 0,
                                         b, type_b, line_b, 0, beta, c, type_c, line_c, 0, d,
                                         type_d, line_d, 0, 1, compute, algorithm, solution, flags);
}
