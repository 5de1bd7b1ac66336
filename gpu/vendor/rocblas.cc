// librocblas of ROCm 5 to 7. The numbers are those of its headers, which it keeps between versions.

#include <glob.h>
#include <stdlib.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gpu/vendor/arch.h"
#include "gpu/vendor/blas.h"
#include "gpu/vendor/library.h"

namespace amdgpu::vendor {
namespace {

using BlasStatus = int;
constexpr BlasStatus kOk = 0;
constexpr BlasStatus kNotImplemented = 2;
constexpr BlasStatus kMemoryError = 5;
constexpr BlasStatus kArchMismatch = 15;

constexpr int kAsStored = 111;  // rocblas_operation_none
constexpr int kTransposed = 112;
constexpr int kStandardAlgorithm = 0;

// rocblas_datatype.
constexpr int kF16 = 150;
constexpr int kF32 = 151;
constexpr int kF64 = 152;
constexpr int kBf16 = 168;

int TypeOf(proto::DType type) {
  switch (type) {
    case proto::DTYPE_F64:
      return kF64;
    case proto::DTYPE_F16:
      return kF16;
    case proto::DTYPE_BF16:
      return kBf16;
    default:
      return kF32;
  }
}

bool Matches(const std::string& pattern) {
  glob_t found = {};
  const bool any = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0;
  globfree(&found);
  return any;
}

// Its kernels are files beside it, loaded when they are first needed; where it has none for a
// device it aborts the process. False only if the files are there and none is for this device.
bool KnowsArch(const std::string& library, absl::string_view arch) {
  std::vector<std::string> folders;
  if (const char* told = getenv("ROCBLAS_TENSILE_LIBPATH")) folders.push_back(told);
  const std::string beside = library.substr(0, library.rfind('/'));
  folders.push_back(absl::StrCat(beside, "/rocblas/library"));
  folders.push_back(absl::StrCat(beside, "/rocblas/*/library"));  // Debian
  bool any = false;
  for (const std::string& folder : folders) {
    if (Matches(absl::StrCat(folder, "/*", Processor(arch), "*"))) return true;
    any = any || Matches(absl::StrCat(folder, "/*gfx*"));
  }
  return !any;
}

class Rocblas final : public Blas {
 public:
  static absl::StatusOr<std::unique_ptr<Blas>> Open(const std::string& name,
                                                    absl::string_view arch) {
    absl::StatusOr<Library> library = Library::Open({name});
    if (!library.ok()) return library.status();
    auto blas = std::make_unique<Rocblas>();
    library->Require(&blas->create_, {"rocblas_create_handle"});
    library->Require(&blas->destroy_, {"rocblas_destroy_handle"});
    library->Require(&blas->set_stream_, {"rocblas_set_stream"});
    library->Require(&blas->get_version_, {"rocblas_get_version_string"});
    library->Require(&blas->gemm_, {"rocblas_gemm_ex"});
    library->Require(&blas->batched_, {"rocblas_gemm_strided_batched_ex"});
    library->Optional(&blas->status_text_, {"rocblas_status_to_string"});
    if (absl::Status status = library->Complete(); !status.ok()) return status;
    if (!KnowsArch(library->path(), arch)) {
      return absl::NotFoundError(
          absl::StrCat(library->path(), " has no kernels for ", Processor(arch)));
    }
    std::array<char, 256> version = {};
    blas->get_version_(version.data(), version.size() - 1);
    blas->library_.set_name("rocBLAS");
    blas->library_.set_version(version.data());
    blas->library_.set_path(library->path());
    return std::unique_ptr<Blas>(std::move(blas));
  }

  absl::string_view gemm_name() const override { return "rocblas_gemm_ex"; }

  absl::StatusOr<Handle> MakeHandle(Stream stream) override {
    Handle handle = nullptr;
    absl::Status status = ToStatus(create_(&handle), "rocblas_create_handle");
    if (!status.ok()) return status;
    status = ToStatus(set_stream_(handle, stream), "rocblas_set_stream");
    if (status.ok()) return handle;
    destroy_(handle);
    return status;
  }

  void DropHandle(Handle handle) override { destroy_(handle); }

  // Its matrices are column-major: what we call C is its transposed, op(B)' op(A)'.
  absl::Status Gemm(Handle handle, proto::DType type, const GemmArguments& g) override {
    const int data = TypeOf(type);
    const int compute = data == kF64 ? kF64 : kF32;
    const float factors[2] = {static_cast<float>(g.alpha), static_cast<float>(g.beta)};
    const void* const alpha = compute == kF64 ? static_cast<const void*>(&g.alpha) : &factors[0];
    const void* const beta = compute == kF64 ? static_cast<const void*>(&g.beta) : &factors[1];
    const auto size = [](std::uint32_t value) { return static_cast<int>(value); };
    const auto stride = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    const int op_a = g.transpose_a != 0 ? kTransposed : kAsStored;
    const int op_b = g.transpose_b != 0 ? kTransposed : kAsStored;
    if (g.batch == 1) {
      return ToStatus(gemm_(handle, op_b, op_a, size(g.n), size(g.m), size(g.k), alpha, g.b, data,
                            size(g.line_b), g.a, data, size(g.line_a), beta, g.c, data,
                            size(g.line_c), g.c, data, size(g.line_c), compute, kStandardAlgorithm,
                            /*solution=*/0, /*flags=*/0),
                      "rocblas_gemm_ex");
    }
    return ToStatus(
        batched_(handle, op_b, op_a, size(g.n), size(g.m), size(g.k), alpha, g.b, data,
                 size(g.line_b), stride(g.stride_b), g.a, data, size(g.line_a), stride(g.stride_a),
                 beta, g.c, data, size(g.line_c), stride(g.stride_c), g.c, data, size(g.line_c),
                 stride(g.stride_c), size(g.batch), compute, kStandardAlgorithm, /*solution=*/0,
                 /*flags=*/0),
        "rocblas_gemm_strided_batched_ex");
  }

 private:
  absl::Status ToStatus(BlasStatus result, absl::string_view doing) const {
    if (result == kOk) return absl::OkStatus();
    const std::string text = absl::StrCat(
        doing, ": ",
        status_text_ != nullptr ? status_text_(result) : absl::StrCat("status ", result));
    switch (result) {
      case kMemoryError:
        return absl::ResourceExhaustedError(text);
      case kNotImplemented:
      case kArchMismatch:
        return absl::UnimplementedError(text);
      default:
        return absl::InternalError(text);
    }
  }

  BlasStatus (*create_)(Handle*) = nullptr;
  BlasStatus (*destroy_)(Handle) = nullptr;
  BlasStatus (*set_stream_)(Handle, Stream) = nullptr;
  BlasStatus (*get_version_)(char*, std::size_t) = nullptr;
  // D, which the result goes to, is C.
  BlasStatus (*gemm_)(Handle, int op_a, int op_b, int m, int n, int k, const void* alpha, Address a,
                      int type_a, int line_a, Address b, int type_b, int line_b, const void* beta,
                      Address c, int type_c, int line_c, Address d, int type_d, int line_d,
                      int compute, int algorithm, std::int32_t solution,
                      std::uint32_t flags) = nullptr;
  BlasStatus (*batched_)(Handle, int op_a, int op_b, int m, int n, int k, const void* alpha,
                         Address a, int type_a, int line_a, std::int64_t stride_a, Address b,
                         int type_b, int line_b, std::int64_t stride_b, const void* beta, Address c,
                         int type_c, int line_c, std::int64_t stride_c, Address d, int type_d,
                         int line_d, std::int64_t stride_d, int batch, int compute, int algorithm,
                         std::int32_t solution, std::uint32_t flags) = nullptr;
  const char* (*status_text_)(BlasStatus) = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Blas>> OpenRocblas(const std::string& library,
                                                  absl::string_view arch) {
  return Rocblas::Open(library, arch);
}

}  // namespace amdgpu::vendor
