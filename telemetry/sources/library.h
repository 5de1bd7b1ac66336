// A shared library of a vendor's that is loaded if it is there, and its functions by name.

#ifndef AMDGPU_TELEMETRY_SOURCES_LIBRARY_H_
#define AMDGPU_TELEMETRY_SOURCES_LIBRARY_H_

#include <dlfcn.h>

#include <string>
#include <vector>

namespace amdgpu::telemetry {

// Never closed: such libraries keep threads and handlers.
class Library {
 public:
  // The first of `names` that loads.
  explicit Library(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_ != nullptr) return;
    }
  }

  bool loaded() const { return handle_ != nullptr; }

  // Null if it has none of this name.
  template <typename Function>
  void Find(const char* name, Function** function) const {
    *function = handle_ == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(handle_, name));
  }

 private:
  void* handle_ = nullptr;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_LIBRARY_H_
