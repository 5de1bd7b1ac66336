#include "gpu/vendor/compiler/device_headers.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace amdgpu::vendorcc {
namespace {

// CUDA's headers of half precision, and what they include.
constexpr const char* kCudaHeaders[] = {"cuda_fp16.h",
                                        "cuda_fp16.hpp",
                                        "cuda_bf16.h",
                                        "cuda_bf16.hpp",
                                        "vector_types.h",
                                        "vector_functions.h",
                                        "vector_functions.hpp",
                                        "mma.h",
                                        "crt/mma.h",
                                        "crt/mma.hpp",
                                        "crt/host_defines.h",
                                        "cuda_fp8.h",
                                        "cuda_fp8.hpp",
                                        "nv/target",
                                        "nv/detail/__target_macros",
                                        "nv/detail/__preprocessor"};
constexpr std::uintmax_t kMaxHeaderBytes = 8u << 20;

std::string ReadFile(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > kMaxHeaderBytes) return "";
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

DeviceHeaders::DeviceHeaders(const RtcLibrary& library)
    : is_cuda_(library.vendor == Vendor::kNvidia) {
  Add("common/std/");
  Add("common/");
  Add(library.vendor == Vendor::kAmd ? "amd/" : "nvidia/");
  if (library.vendor == Vendor::kNvidia) AddCudaHeaders(library.path);
}

std::string DeviceHeaders::PreludeFor(absl::string_view source) const {
  std::string text;
  // CUDA's headers of half precision are long: only for a source that needs them.
  if (has_cuda_half_ && absl::StrContains(source, "half")) text = "#include <cuda_fp16.h>\n";
  if (has_cuda_half_ && absl::StrContains(source, "bfloat16")) {
    absl::StrAppend(&text,
                    "#include <cuda_bf16.h>\ntypedef __nv_bfloat16 __hip_bfloat16;\n"
                    "typedef __nv_bfloat162 __hip_bfloat162;\n");
  }
  absl::StrAppend(&text, prelude_);
  if (!is_cuda_ && absl::StrContains(source, "bfloat16")) {
    absl::StrAppend(&text,
                    "#if __clang_major__ < 17  // HIP before 6 has no __hip_bfloat16\n"
                    "#define __HD_INLINE static __device__ inline __attribute__((always_inline))\n"
                    "#define __HD_MEMBER __host__ __device__ inline "
                    "__attribute__((always_inline))\n"
                    "#include <amdgpu/bfloat16.h>\n#endif\n");
  }
  return text;
}

void DeviceHeaders::Add(absl::string_view folder) {
  for (std::size_t i = 0; i < kEmbeddedHeaderCount; ++i) {
    const EmbeddedHeader& header = kEmbeddedHeaders[i];
    absl::string_view name = header.path;
    if (!absl::ConsumePrefix(&name, folder)) continue;
    if (folder == "common/" && absl::StartsWith(name, "std/")) continue;
    if (name == "prelude.h") {
      prelude_ = header.text;
    } else {
      names_.push_back(header.path + folder.size());
      texts_.push_back(header.text);
    }
  }
}

void DeviceHeaders::AddCudaHeaders(const std::string& library_path) {
  std::error_code error;
  const std::filesystem::path lib = std::filesystem::canonical(library_path, error).parent_path();
  if (error) return;
  // Of lib or targets/x86_64-linux/lib in a toolkit; of /usr/lib/x86_64-linux-gnu.
  const std::filesystem::path above = lib.parent_path();
  const std::filesystem::path roots[] = {above / "include", above / "include" / "cccl",
                                         above.parent_path() / "include",
                                         above.parent_path().parent_path() / "include"};
  for (const char* name : kCudaHeaders) {
    for (const std::filesystem::path& root : roots) {
      if (std::string text = ReadFile(root / name); !text.empty()) {
        read_.emplace_back(name, std::move(text));
        break;
      }
    }
  }
  for (const auto& [name, text] : read_) {
    names_.push_back(name.c_str());
    texts_.push_back(text.c_str());
    if (name == "cuda_fp16.h") has_cuda_half_ = true;
  }
}

}  // namespace amdgpu::vendorcc
