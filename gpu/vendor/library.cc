#include "gpu/vendor/library.h"

#include <dlfcn.h>
#include <link.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace amdgpu::vendor {
namespace {

// In the loader's words.
constexpr absl::string_view kNoFile = "No such file or directory";

}  // namespace

absl::StatusOr<Library> Library::Open(absl::Span<const std::string> names) {
  std::vector<std::string> absent;
  std::vector<std::string> reasons;  // of those that are there
  for (const std::string& name : names) {
    void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* const error = dlerror();
      const std::string reason = error != nullptr ? error : name;
      // A library that the named one needs may be absent, too: the loader names that one then.
      const bool is_absent =
          absl::StartsWith(reason, absl::StrCat(name, ":")) && absl::StrContains(reason, kNoFile);
      (is_absent ? absent : reasons).push_back(is_absent ? name : reason);
      continue;
    }
    Library library(handle);
    library.path_ = name;
    link_map* map = nullptr;
    if (dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void*>(&map)) == 0 && map->l_name[0] != '\0') {
      library.path_ = map->l_name;
    }
    return library;
  }
  if (!reasons.empty()) return absl::NotFoundError(absl::StrJoin(reasons, "; "));
  return absl::NotFoundError(absl::StrCat("there is no ", absl::StrJoin(absent, ", ")));
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
