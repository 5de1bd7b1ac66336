// A vendor's library, opened at run time, and the functions found in it.

#ifndef AMDGPU_GPU_VENDOR_LIBRARY_H_
#define AMDGPU_GPU_VENDOR_LIBRARY_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace amdgpu::vendor {

// Never closed: vendors' runtimes do not survive it.
class Library {
 public:
  // The first of `names` that the loader opens: file names, or paths. kNotFound otherwise, with the
  // loader's words for those that are there, or the names if none is.
  static absl::StatusOr<Library> Open(absl::Span<const std::string> names);

  // The file that was opened, as the loader knows it.
  const std::string& path() const { return path_; }

  // Looks a function up under each name in turn. Optional leaves null if there is none, Require
  // notes the first name as missing.
  template <typename F>
  void Require(F** function, std::initializer_list<const char*> names) {
    Optional(function, names);
    if (*function == nullptr) missing_.push_back(*names.begin());
  }
  template <typename F>
  void Optional(F** function, std::initializer_list<const char*> names) {
    *function = reinterpret_cast<F*>(Find(names));
  }

  // kFailedPrecondition, with their names, if required functions were missing.
  absl::Status Complete() const;

 private:
  explicit Library(void* handle) : handle_(handle) {}
  void* Find(std::initializer_list<const char*> names) const;

  void* handle_;
  std::string path_;
  std::vector<std::string> missing_;
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_LIBRARY_H_
