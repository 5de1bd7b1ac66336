#include "gpu/vendor/library.h"

#include <dlfcn.h>
#include <link.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace amdgpu::vendor {

absl::StatusOr<Library> Library::Open(absl::Span<const std::string> names) {
  std::vector<std::string> reasons;
  for (const std::string& name : names) {
    void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* const reason = dlerror();
      reasons.push_back(reason != nullptr ? reason : name);
      continue;
    }
    Library library(handle);
    library.path_ = name;
    link_map* map = nullptr;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] != '\0') {
      library.path_ = map->l_name;
    }
    return library;
  }
  return absl::NotFoundError(absl::StrJoin(reasons, "; "));
}

void* Library::Find(std::initializer_list<const char*> names) const {
  for (const char* name : names) {
    if (void* const found = dlsym(handle_, name); found != nullptr) return found;
  }
  return nullptr;
}

absl::Status Library::Complete() const {
  if (missing_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path_, " is too old or not what it says: it has no ", absl::StrJoin(missing_, ", ")));
}

}  // namespace amdgpu::vendor
