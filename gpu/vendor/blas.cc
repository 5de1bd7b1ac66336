#include "gpu/vendor/blas.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace amdgpu::vendor {
namespace {

// Sizes are ints there.
constexpr std::uint32_t kMost = std::numeric_limits<std::int32_t>::max();
// Of elements: no device has as many, and as bytes they do not overflow.
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 48;

struct GemmFunction {
  const char* symbol;
  proto::DType type;
  const char* element;
};
constexpr std::array<GemmFunction, 4> kFunctions = {
    {{"gemm_f32", proto::DTYPE_F32, "float"},
     {"gemm_f64", proto::DTYPE_F64, "double"},
     {"gemm_f16", proto::DTYPE_F16, "__half"},
     {"gemm_bf16", proto::DTYPE_BF16, "__hip_bfloat16"}}};

// GemmArguments as a signature.
struct Field {
  const char* name;
  const char* type;  // null: a pointer to elements
  proto::DType dtype;
  std::size_t offset;
  std::uint32_t bytes;
};
constexpr const char* kSize = "unsigned";
constexpr const char* kStride = "unsigned long";
#define AMDGPU_GEMM_POINTER(name) \
  {#name, nullptr, proto::DTYPE_NONE, offsetof(GemmArguments, name), 8}
#define AMDGPU_GEMM_FIELD(name, type, dtype, bytes) \
  {#name, type, dtype, offsetof(GemmArguments, name), bytes}
constexpr Field kFields[] = {
    AMDGPU_GEMM_POINTER(a),
    AMDGPU_GEMM_POINTER(b),
    AMDGPU_GEMM_POINTER(c),
    AMDGPU_GEMM_FIELD(m, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(n, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(k, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(line_a, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(line_b, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(line_c, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(stride_a, kStride, proto::DTYPE_U64, 8),
    AMDGPU_GEMM_FIELD(stride_b, kStride, proto::DTYPE_U64, 8),
    AMDGPU_GEMM_FIELD(stride_c, kStride, proto::DTYPE_U64, 8),
    AMDGPU_GEMM_FIELD(batch, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(alpha, "double", proto::DTYPE_F64, 8),
    AMDGPU_GEMM_FIELD(beta, "double", proto::DTYPE_F64, 8),
    AMDGPU_GEMM_FIELD(transpose_a, kSize, proto::DTYPE_U32, 4),
    AMDGPU_GEMM_FIELD(transpose_b, kSize, proto::DTYPE_U32, 4),
};
#undef AMDGPU_GEMM_POINTER
#undef AMDGPU_GEMM_FIELD

gpu::KernelInfo Describe(const Blas& blas, const GemmFunction& function) {
  gpu::KernelInfo kernel;
  kernel.set_name(std::string(blas.gemm_name()));
  kernel.set_symbol(function.symbol);
  kernel.set_args_size(sizeof(GemmArguments));
  *kernel.mutable_library() = blas.library();
  for (const Field& field : kFields) {
    proto::Param& param = *kernel.add_params();
    const bool pointer = field.type == nullptr;
    const bool read_only = pointer && field.offset != offsetof(GemmArguments, c);
    param.set_name(field.name);
    param.set_type(pointer ? absl::StrCat(read_only ? "const " : "", function.element, "*")
                           : field.type);
    param.set_kind(pointer ? proto::PARAM_POINTER : proto::PARAM_SCALAR);
    param.set_dtype(pointer ? function.type : field.dtype);
    param.set_read_only(read_only);
    param.set_offset(static_cast<std::uint32_t>(field.offset));
    param.set_size(field.bytes);
    param.set_alignment(field.bytes);
    param.set_lanes(1);
  }
  return kernel;
}

// From the first element of one matrix in memory to behind the last of the batch.
std::uint64_t Extent(std::uint64_t rows, std::uint64_t columns, std::uint64_t line,
                     std::uint64_t stride, std::uint64_t batch) {
  return (batch - 1) * stride + (rows - 1) * line + columns;
}

}  // namespace

std::vector<std::string> BlasLibraryNames(absl::string_view kind) {
  std::vector<std::string> names;
  if (kind == "cuda") {
    for (const char* version : {"13", "12", "11"}) {
      names.push_back(absl::StrCat("libcublas.so.", version));
      names.push_back(absl::StrCat("/usr/local/cuda/lib64/libcublas.so.", version));
    }
  } else if (kind == "hip") {
    // ROCm 7, 6 and 5; Debian's.
    for (const char* version : {"5", "4", "0"}) {
      names.push_back(absl::StrCat("librocblas.so.", version));
      names.push_back(absl::StrCat("/opt/rocm/lib/librocblas.so.", version));
    }
  }
  return names;
}

absl::StatusOr<std::unique_ptr<Blas>> OpenBlas(absl::string_view kind, absl::string_view arch,
                                               const std::vector<std::string>& libraries,
                                               Stream stream) {
  std::vector<std::string> reasons;
  for (const std::string& library : libraries) {
    absl::StatusOr<std::unique_ptr<Blas>> blas =
        kind == "cuda" ? OpenCublas(library) : OpenRocblas(library, arch);
    if (!blas.ok()) {
      reasons.push_back(std::string(blas.status().message()));
      continue;
    }
    const absl::StatusOr<Blas::Handle> handle = (*blas)->MakeHandle(stream);
    if (handle.ok()) {
      (*blas)->DropHandle(*handle);
      return blas;
    }
    reasons.push_back(absl::StrCat((*blas)->library().path(), " does not work here: ",
                                   std::string(handle.status().message())));
  }
  return absl::NotFoundError(
      absl::StrCat("no usable ", kind == "cuda" ? "cuBLAS" : "rocBLAS", ": ",
                   reasons.empty() ? "none is looked for" : absl::StrJoin(reasons, "; ")));
}

std::vector<gpu::KernelInfo> BlasKernels(const Blas& blas) {
  std::vector<gpu::KernelInfo> kernels;
  kernels.reserve(kFunctions.size());
  for (const GemmFunction& function : kFunctions) kernels.push_back(Describe(blas, function));
  return kernels;
}

proto::DType GemmType(const gpu::KernelInfo& kernel) { return kernel.params(0).dtype(); }

absl::Status CheckGemm(const GemmArguments& g) {
  for (const std::uint32_t size : {g.m, g.n, g.k, g.batch, g.line_a, g.line_b, g.line_c}) {
    if (size == 0 || size > kMost) {
      return absl::InvalidArgumentError(absl::StrCat("a product of ", g.batch, " x ", g.m, " x ",
                                                     g.k, " x ", g.n, " with lines ", g.line_a,
                                                     ", ", g.line_b, ", ", g.line_c));
    }
  }
  if (g.line_a < (g.transpose_a != 0 ? g.m : g.k) || g.line_b < (g.transpose_b != 0 ? g.k : g.n) ||
      g.line_c < g.n) {
    return absl::InvalidArgumentError("a matrix's rows are longer than its lines");
  }
  for (const std::uint64_t stride : {g.stride_a, g.stride_b, g.stride_c}) {
    if (stride > kMostElements / g.batch) {
      return absl::InvalidArgumentError(absl::StrCat("a stride of ", stride));
    }
  }
  if (g.batch > 1 && g.stride_c < Extent(g.m, g.n, g.line_c, 0, 1)) {
    return absl::InvalidArgumentError("the results of a batch overlap");
  }
  const GemmExtents extents = ExtentsOf(g);
  if (std::max({extents.a, extents.b, extents.c}) > kMostElements) {
    return absl::InvalidArgumentError("matrices larger than any memory");
  }
  return absl::OkStatus();
}

GemmExtents ExtentsOf(const GemmArguments& g) {
  return {.a = g.transpose_a != 0 ? Extent(g.k, g.m, g.line_a, g.stride_a, g.batch)
                                  : Extent(g.m, g.k, g.line_a, g.stride_a, g.batch),
          .b = g.transpose_b != 0 ? Extent(g.n, g.k, g.line_b, g.stride_b, g.batch)
                                  : Extent(g.k, g.n, g.line_b, g.stride_b, g.batch),
          .c = Extent(g.m, g.n, g.line_c, g.stride_c, g.batch)};
}

}  // namespace amdgpu::vendor
