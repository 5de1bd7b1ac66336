// The headers that a source can include when it is compiled for a GPU: HIP's names, a small C++
// standard library, and, for NVIDIA, what makes CUDA of HIP. Held in this binary, but for CUDA's
// own headers of half precision, which are read once where the toolkit has them.

#ifndef AMDGPU_GPU_VENDOR_COMPILER_DEVICE_HEADERS_H_
#define AMDGPU_GPU_VENDOR_COMPILER_DEVICE_HEADERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gpu/vendor/compiler/rtc_library.h"

namespace amdgpu::vendorcc {

// One header: its path below gpu/vendor/include and its text. Generated at build time.
struct EmbeddedHeader {
  const char* path;
  const char* text;
};
extern const EmbeddedHeader kEmbeddedHeaders[];
extern const std::size_t kEmbeddedHeaderCount;

// As a run-time compiler takes them: two arrays of equal length.
class DeviceHeaders {
 public:
  explicit DeviceHeaders(const RtcLibrary& library);
  DeviceHeaders(const DeviceHeaders&) = delete;
  DeviceHeaders& operator=(const DeviceHeaders&) = delete;

  int count() const { return static_cast<int>(names_.size()); }
  const char* const* names() const { return names_.data(); }
  const char* const* texts() const { return texts_.data(); }

  // What to put before this source: what HIP offers without an include and the compiler does not.
  std::string PreludeFor(absl::string_view source) const;

 private:
  void Add(absl::string_view folder);
  void AddCudaHeaders(const std::string& library_path);

  std::vector<const char*> names_;
  std::vector<const char*> texts_;
  std::vector<std::pair<std::string, std::string>> read_;  // from the toolkit: names and texts
  absl::string_view prelude_;
  const bool is_cuda_;
  bool has_cuda_half_ = false;
};

}  // namespace amdgpu::vendorcc

#endif  // AMDGPU_GPU_VENDOR_COMPILER_DEVICE_HEADERS_H_
