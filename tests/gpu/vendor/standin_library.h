// The stand-in vendor libraries (tests/support/standin) as tests use them: opened by path, told
// what to do, asked what was called.

#ifndef AMDGPU_TESTS_GPU_VENDOR_STANDIN_LIBRARY_H_
#define AMDGPU_TESTS_GPU_VENDOR_STANDIN_LIBRARY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gpu/vendor/vendor_api.h"
#include "proto/code_object.pb.h"

namespace amdgpu::vendor {

// The built-in kernels as a code object for a device of `kind`.
proto::VendorCodeObject StandInKernels(const std::string& kind);

// Of one flavour: "hip", "hip5" (as before HIP 6) or "cuda". One of each in a process.
class StandInLibrary {
 public:
  explicit StandInLibrary(const std::string& flavour);

  const std::string& path() const { return path_; }
  std::string kind() const { return flavour_ == "cuda" ? "cuda" : "hip"; }
  // Filled through the route of real libraries.
  const std::shared_ptr<const VendorApi>& api() const { return api_; }

  // tests/support/standin/script.h; sets the counts back.
  void Script(const std::string& script) const { script_(script.c_str()); }
  // After a fault nothing works any more in a process: begins a new one, so to speak.
  void Recover() const { recover_(); }
  std::uint64_t Calls(const std::string& call) const { return calls_(call.c_str()); }
  bool Registered(const void* memory, std::size_t bytes) const {
    return registered_(memory, bytes);
  }
  std::size_t FreeBytes() const { return free_bytes_(); }

  proto::VendorCodeObject Kernels() const { return StandInKernels(kind()); }

 private:
  const std::string flavour_;
  const std::string path_;
  std::shared_ptr<const VendorApi> api_;
  void (*script_)(const char*) = nullptr;
  void (*recover_)() = nullptr;
  unsigned long (*calls_)(const char*) = nullptr;
  bool (*registered_)(const void*, std::size_t) = nullptr;
  std::size_t (*free_bytes_)() = nullptr;
};

// The one of `flavour`, without a script.
StandInLibrary& StandIn(const std::string& flavour);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_TESTS_GPU_VENDOR_STANDIN_LIBRARY_H_
