// A vendor's run-time compiler, opened at run time: hipRTC or NVRTC. The two have one shape under
// two prefixes.

#ifndef AMDGPU_GPU_VENDOR_COMPILER_RTC_LIBRARY_H_
#define AMDGPU_GPU_VENDOR_COMPILER_RTC_LIBRARY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace amdgpu::vendorcc {

enum class Vendor { kAmd, kNvidia };

// The functions of a run-time compiler; results are 0 or an error's number.
struct RtcFunctions {
  using Program = void*;
  using Result = int;

  Result (*create)(Program*, const char* source, const char* name, int headers,
                   const char* const* header_texts, const char* const* header_names) = nullptr;
  Result (*destroy)(Program*) = nullptr;
  Result (*compile)(Program, int options, const char* const*) = nullptr;
  Result (*add_name)(Program, const char* expression) = nullptr;
  Result (*lowered_name)(Program, const char* expression, const char** symbol) = nullptr;
  Result (*log_size)(Program, std::size_t*) = nullptr;
  Result (*log)(Program, char*) = nullptr;
  Result (*code_size)(Program, std::size_t*) = nullptr;
  Result (*code)(Program, char*) = nullptr;
  Result (*version)(int*, int*) = nullptr;
  const char* (*error_text)(Result) = nullptr;
  // NVIDIA's only.
  Result (*ptx_size)(Program, std::size_t*) = nullptr;
  Result (*ptx)(Program, char*) = nullptr;
};

struct RtcLibrary {
  Vendor vendor;
  std::string path;     // of the library's file
  std::string version;  // "hipRTC 9.0 (libamdhip64.so.5.2.21153, comgr 2.4)"
  // Processors it compiles for: "gfx90a", "sm_90". Empty: it does not say.
  std::vector<std::string> archs;
  RtcFunctions functions;
};

// The vendor's library: $AMDGPU_HIPRTC_LIBRARY or $AMDGPU_NVRTC_LIBRARY if set, else the newest
// that is found where the loader and the vendors look. kNotFound, with the remedy, if there is none
// or it lacks a function.
absl::StatusOr<RtcLibrary> OpenRtcLibrary(Vendor vendor);

}  // namespace amdgpu::vendorcc

#endif  // AMDGPU_GPU_VENDOR_COMPILER_RTC_LIBRARY_H_
