// The symbols of libcublas.

#include "tests/support/standin/blas.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

using amdgpu::vendor::Address;
using amdgpu::vendor::Stream;
using standin::BlasHandle;

namespace {

constexpr int kExecutionFailed = 13;
constexpr int kInvalidValue = 7;
constexpr int kNotSupported = 15;

int Told(const char* call) {
  if (const int told = standin_enter(call); told != 0) return told;
  return standin_sticky() == 0 ? 0 : kExecutionFailed;
}

bool TypeOf(int data, int compute, standin::Type* type) {
  switch (data) {
    case 0:
      *type = standin::Type::kF32;
      return compute == 68;
    case 1:
      *type = standin::Type::kF64;
      return compute == 70;
    case 2:
      *type = standin::Type::kF16;
      return compute == 68;
    case 14:
      *type = standin::Type::kBf16;
      return compute == 68;
    default:
      return false;
  }
}

}  // namespace

EXPORT int cublasCreate_v2(BlasHandle** handle) {
  if (const int told = Told("BlasCreate"); told != 0) return told;
  *handle = new BlasHandle;
  return 0;
}
EXPORT int cublasDestroy_v2(BlasHandle* handle) {
  standin_enter("BlasDestroy");
  delete handle;
  return 0;
}
EXPORT int cublasSetStream_v2(BlasHandle* handle, Stream stream) {
  if (const int told = Told("BlasSetStream"); told != 0) return told;
  handle->stream = stream;
  return 0;
}
EXPORT int cublasGetProperty(int part, int* value) {
  constexpr int kVersion[] = {12, 4, 5};
  *value = kVersion[part];
  return 0;
}
EXPORT const char* cublasGetStatusName(int status) {
  return status == 3    ? "CUBLAS_STATUS_ALLOC_FAILED"
         : status == 15 ? "CUBLAS_STATUS_NOT_SUPPORTED"
                        : "CUBLAS_STATUS_STANDIN";
}
EXPORT int cublasGemmStridedBatchedEx(BlasHandle* handle, int op_a, int op_b, int m, int n, int k,
                                      const void* alpha, Address a, int type_a, int line_a,
                                      long long stride_a, Address b, int type_b, int line_b,
                                      long long stride_b, const void* beta, Address c, int type_c,
                                      int line_c, long long stride_c, int batch, int compute,
                                      int algorithm) {
  if (const int told = Told("BlasGemm"); told != 0) return told;
  standin::Type type;
  if (algorithm != -1 || op_a < 0 || op_a > 1 || op_b < 0 || op_b > 1) return kInvalidValue;
  if (type_a != type_b || type_b != type_c || !TypeOf(type_a, compute, &type)) return kNotSupported;
  return standin::RunGemm(*handle, type,
                          {op_a == 1, op_b == 1, m, n, k, alpha, a, line_a, stride_a, b, line_b,
                           stride_b, beta, c, line_c, stride_c, batch})
             ? 0
             : kInvalidValue;
}
EXPORT int cublasGemmEx(BlasHandle* handle, int op_a, int op_b, int m, int n, int k,
                        const void* alpha, Address a, int type_a, int line_a, Address b, int type_b,
                        int line_b, const void* beta, Address c, int type_c, int line_c,
                        int compute, int algorithm) {
  return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, type_a, line_a, 0, b,
                                    type_b, line_b, 0, beta, c, type_c, line_c, 0, 1, compute,
                                    algorithm);
}
