// Dense algebra by the vendor's own library: rocBLAS or cuBLAS, opened at run time.
//
// What is asked of it is one function, the product of matrices, in the four types of floats. It is
// launched like a kernel whose argument block is GemmArguments: BlasKernels says how.

#ifndef AMDGPU_GPU_VENDOR_BLAS_H_
#define AMDGPU_GPU_VENDOR_BLAS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gpu/types.h"
#include "gpu/vendor/vendor_api.h"
#include "proto/code_object.pb.h"

namespace amdgpu::vendor {

// C = alpha op(A) op(B) + beta C, for `batch` times row-major matrices: op(A) is m x k, op(B) k x
// n.
struct GemmArguments {
  Address a = 0;
  Address b = 0;
  Address c = 0;
  // Elements from one matrix of the batch to the next.
  std::uint64_t stride_a = 0;
  std::uint64_t stride_b = 0;
  std::uint64_t stride_c = 0;
  double alpha = 1;
  double beta = 0;
  std::uint32_t m = 0;
  std::uint32_t n = 0;
  std::uint32_t k = 0;
  std::uint32_t batch = 1;
  // Elements from one row in memory to the next.
  std::uint32_t line_a = 0;
  std::uint32_t line_b = 0;
  std::uint32_t line_c = 0;
  // Not 0: memory holds the transposed matrix, k x m or n x k.
  std::uint32_t transpose_a = 0;
  std::uint32_t transpose_b = 0;
  std::uint32_t reserved = 0;
};

// The calling thread has made the device's context current for every call. Thread-safe but for a
// handle, which is one thread's at a time.
class Blas {
 public:
  // What the library keeps for one stream: workspace, above all.
  using Handle = struct BlasHandleObject*;

  virtual ~Blas() = default;

  const proto::Library& library() const { return library_; }
  // What telemetry and errors call its function: "cublasGemmEx".
  virtual absl::string_view gemm_name() const = 0;

  virtual absl::StatusOr<Handle> MakeHandle(Stream stream) = 0;
  // The stream is still there, and its work has ended.
  virtual void DropHandle(Handle handle) = 0;

  // Queues in the handle's stream. The arguments have been checked. kResourceExhausted: no memory;
  // kUnimplemented: not on this device; else kInternal.
  virtual absl::Status Gemm(Handle handle, proto::DType type, const GemmArguments& arguments) = 0;

 protected:
  proto::Library library_;
};

// Where the loader is asked for the library of devices of `kind`, newest first.
std::vector<std::string> BlasLibraryNames(absl::string_view kind);

// The first of `libraries` (BlasLibraryNames(kind) but in tests) that opens, has what is needed,
// knows a device of this `arch` and starts on it (tried with `stream`): what it cannot do shows
// here and not in the first call. Each is opened, with hundreds of megabytes of address space, and
// not closed again. kNotFound with the reason of each otherwise.
absl::StatusOr<std::unique_ptr<Blas>> OpenBlas(absl::string_view kind, absl::string_view arch,
                                               const std::vector<std::string>& libraries,
                                               Stream stream);
// Of one library each.
absl::StatusOr<std::unique_ptr<Blas>> OpenCublas(const std::string& library);
absl::StatusOr<std::unique_ptr<Blas>> OpenRocblas(const std::string& library,
                                                  absl::string_view arch);

// How the function is launched: one "kernel" for each type, with the symbols "gemm_f32" ....
std::vector<gpu::KernelInfo> BlasKernels(const Blas& blas);
// The type of such a kernel.
proto::DType GemmType(const gpu::KernelInfo& kernel);

// kInvalidArgument unless the sizes, lines and strides make sense and fit the library.
absl::Status CheckGemm(const GemmArguments& arguments);
// Elements from the first of each matrix to behind its last one, over the whole batch; of sizes,
// lines and strides that have been checked.
struct GemmExtents {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint64_t c = 0;
};
GemmExtents ExtentsOf(const GemmArguments& arguments);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_BLAS_H_
