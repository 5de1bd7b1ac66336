// libcublas 11 to 13. The numbers are those of its headers, which it keeps between versions.

#include <utility>

#include "absl/strings/str_cat.h"
#include "gpu/vendor/blas.h"
#include "gpu/vendor/library.h"

namespace amdgpu::vendor {
namespace {

using BlasStatus = int;
constexpr BlasStatus kOk = 0;
constexpr BlasStatus kAllocFailed = 3;
constexpr BlasStatus kArchMismatch = 8;
constexpr BlasStatus kNotSupported = 15;

constexpr int kAsStored = 0;  // CUBLAS_OP_N
constexpr int kTransposed = 1;
constexpr int kDefaultAlgorithm = -1;
// libraryPropertyType
constexpr int kMajor = 0;
constexpr int kMinor = 1;
constexpr int kPatch = 2;

// cudaDataType_t and cublasComputeType_t. Products of floats are computed as such: no TF32.
struct Types {
  int data;
  int compute;
};
constexpr int kComputeF32 = 68;
constexpr int kComputeF64 = 70;

Types TypesOf(proto::DType type) {
  switch (type) {
    case proto::DTYPE_F64:
      return {1, kComputeF64};
    case proto::DTYPE_F16:
      return {2, kComputeF32};
    case proto::DTYPE_BF16:
      return {14, kComputeF32};
    default:
      return {0, kComputeF32};
  }
}

class Cublas final : public Blas {
 public:
  static absl::StatusOr<std::unique_ptr<Blas>> Open(const std::string& name) {
    absl::StatusOr<Library> library = Library::Open({name});
    if (!library.ok()) return library.status();
    auto blas = std::make_unique<Cublas>();
    library->Require(&blas->create_, {"cublasCreate_v2"});
    library->Require(&blas->destroy_, {"cublasDestroy_v2"});
    library->Require(&blas->set_stream_, {"cublasSetStream_v2"});
    library->Require(&blas->get_property_, {"cublasGetProperty"});
    library->Require(&blas->gemm_, {"cublasGemmEx"});
    library->Require(&blas->batched_, {"cublasGemmStridedBatchedEx"});
    library->Optional(&blas->status_name_, {"cublasGetStatusName"});
    if (absl::Status status = library->Complete(); !status.ok()) return status;
    int version[3] = {};
    for (const int part : {kMajor, kMinor, kPatch}) blas->get_property_(part, &version[part]);
    blas->library_.set_name("cuBLAS");
    blas->library_.set_version(absl::StrCat(version[0], ".", version[1], ".", version[2]));
    blas->library_.set_path(library->path());
    return std::unique_ptr<Blas>(std::move(blas));
  }

  absl::string_view gemm_name() const override { return "cublasGemmEx"; }

  absl::StatusOr<Handle> MakeHandle(Stream stream) override {
    Handle handle = nullptr;
    absl::Status status = ToStatus(create_(&handle), "cublasCreate");
    if (!status.ok()) return status;
    status = ToStatus(set_stream_(handle, stream), "cublasSetStream");
    if (status.ok()) return handle;
    destroy_(handle);
    return status;
  }

  void DropHandle(Handle handle) override { destroy_(handle); }

  // Its matrices are column-major: what we call C is its transposed, op(B)' op(A)'.
  absl::Status Gemm(Handle handle, proto::DType type, const GemmArguments& g) override {
    const Types types = TypesOf(type);
    const float factors[2] = {static_cast<float>(g.alpha), static_cast<float>(g.beta)};
    const bool doubles = types.compute == kComputeF64;
    const void* const alpha = doubles ? static_cast<const void*>(&g.alpha) : &factors[0];
    const void* const beta = doubles ? static_cast<const void*>(&g.beta) : &factors[1];
    const auto size = [](std::uint32_t value) { return static_cast<int>(value); };
    const auto stride = [](std::uint64_t value) { return static_cast<long long>(value); };
    const int op_a = g.transpose_a != 0 ? kTransposed : kAsStored;
    const int op_b = g.transpose_b != 0 ? kTransposed : kAsStored;
    if (g.batch == 1) {
      return ToStatus(gemm_(handle, op_b, op_a, size(g.n), size(g.m), size(g.k), alpha, g.b,
                            types.data, size(g.line_b), g.a, types.data, size(g.line_a), beta, g.c,
                            types.data, size(g.line_c), types.compute, kDefaultAlgorithm),
                      "cublasGemmEx");
    }
    return ToStatus(
        batched_(handle, op_b, op_a, size(g.n), size(g.m), size(g.k), alpha, g.b, types.data,
                 size(g.line_b), stride(g.stride_b), g.a, types.data, size(g.line_a),
                 stride(g.stride_a), beta, g.c, types.data, size(g.line_c), stride(g.stride_c),
                 size(g.batch), types.compute, kDefaultAlgorithm),
        "cublasGemmStridedBatchedEx");
  }

 private:
  absl::Status ToStatus(BlasStatus result, absl::string_view doing) const {
    if (result == kOk) return absl::OkStatus();
    const std::string text = absl::StrCat(
        doing, ": ",
        status_name_ != nullptr ? status_name_(result) : absl::StrCat("status ", result));
    switch (result) {
      case kAllocFailed:
        return absl::ResourceExhaustedError(text);
      case kArchMismatch:
      case kNotSupported:
        return absl::UnimplementedError(text);
      default:
        return absl::InternalError(text);
    }
  }

  BlasStatus (*create_)(Handle*) = nullptr;
  BlasStatus (*destroy_)(Handle) = nullptr;
  BlasStatus (*set_stream_)(Handle, Stream) = nullptr;
  BlasStatus (*get_property_)(int, int*) = nullptr;
  BlasStatus (*gemm_)(Handle, int op_a, int op_b, int m, int n, int k, const void* alpha, Address a,
                      int type_a, int line_a, Address b, int type_b, int line_b, const void* beta,
                      Address c, int type_c, int line_c, int compute, int algorithm) = nullptr;
  BlasStatus (*batched_)(Handle, int op_a, int op_b, int m, int n, int k, const void* alpha,
                         Address a, int type_a, int line_a, long long stride_a, Address b,
                         int type_b, int line_b, long long stride_b, const void* beta, Address c,
                         int type_c, int line_c, long long stride_c, int batch, int compute,
                         int algorithm) = nullptr;
  const char* (*status_name_)(BlasStatus) = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Blas>> OpenCublas(const std::string& library) {
  return Cublas::Open(library);
}

}  // namespace amdgpu::vendor
