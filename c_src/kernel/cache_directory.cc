#include "c_src/kernel/cache_directory.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

// A folder of our own inside the cache directory: that one may have been made by the user, with
// other things in it, and is not ours to change.
constexpr char kEntriesFolder[] = "code-1";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string HomeDirectory() {
  if (std::string home = Environment("HOME"); !home.empty()) return home;
  std::vector<char> buffer(16 * 1024);
  passwd entry;
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return "";
  }
  return entry.pw_dir;
}

absl::Status MakeDirectories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string prefix = path.substr(0, slash);
    if (mkdir(prefix.c_str(), 0700) != 0 && errno != EEXIST) {
      const int error = errno;
      struct stat existing;
      // A read-only file system says so even of what exists.
      if (stat(prefix.c_str(), &existing) != 0 || !S_ISDIR(existing.st_mode)) {
        return ErrnoError(error, absl::StrCat("creating ", prefix));
      }
    }
    if (slash == std::string::npos) return absl::OkStatus();
  }
}

absl::StatusOr<struct stat> OwnedByUs(int fd, const std::string& path) {
  struct stat status;
  if (fstat(fd, &status) != 0) return ErrnoError(errno, path);
  if (status.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " belongs to user ", status.st_uid, ", not to ", geteuid()));
  }
  return status;
}

}  // namespace

std::string DefaultCacheDirectory() {
  if (std::string own = Environment("AMDGPU_CACHE_DIR"); !own.empty()) return own;
  // The XDG specification has relative paths ignored.
  if (std::string xdg = Environment("XDG_CACHE_HOME"); xdg.starts_with('/')) {
    return absl::StrCat(xdg, "/amdgpu");
  }
  const std::string home = HomeDirectory();
  return home.empty() ? "" : absl::StrCat(home, "/.cache/amdgpu");
}

absl::StatusOr<UniqueFd> OpenCacheDirectory(const std::string& path) {
  if (absl::Status made = MakeDirectories(path); !made.ok()) return made;
  UniqueFd outer(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!outer.valid()) return ErrnoError(errno, absl::StrCat("opening ", path));
  if (auto owned = OwnedByUs(outer.get(), path); !owned.ok()) return owned.status();

  const std::string inner_path = absl::StrCat(path, "/", kEntriesFolder);
  if (mkdirat(outer.get(), kEntriesFolder, 0700) != 0 && errno != EEXIST && errno != EROFS) {
    return ErrnoError(errno, absl::StrCat("creating ", inner_path));
  }
  UniqueFd inner(
      openat(outer.get(), kEntriesFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!inner.valid()) return ErrnoError(errno, absl::StrCat("opening ", inner_path));
  const auto owned = OwnedByUs(inner.get(), inner_path);
  if (!owned.ok()) return owned.status();
  if ((owned->st_mode & 0077) != 0 && fchmod(inner.get(), 0700) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(inner_path, " is open to other users and cannot be closed to them"));
  }
  return inner;
}

}  // namespace amdgpu
