#include "gpu/compiler_process/private_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu::compiler_process {
namespace {

constexpr char kInMemory[] = "/dev/shm";
constexpr char kPrefix[] = "amdgpu-compile-";

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// A directory belongs to who holds its lock; one that can be locked is left over.
void RemoveLeftOvers(const std::string& base) {
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(base, error)) {
    if (absl::StartsWith(entry.path().filename().string(), kPrefix)) found.push_back(entry.path());
  }
  for (const std::string& path : found) {
    const UniqueFd directory = OpenDirectory(path);
    struct stat status;
    if (!directory.valid() || fstat(directory.get(), &status) != 0 || status.st_uid != geteuid()) {
      continue;
    }
    if (flock(directory.get(), LOCK_EX | LOCK_NB) == 0) PrivateDirectories::Remove(path);
  }
}

bool WriteFile(const char* path, const std::string& text) {
  const UniqueFd file(open(path, O_WRONLY | O_CLOEXEC));
  return file.valid() &&
         write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// In a new user namespace a process may change its root. Its user stays who it is.
bool EnterUserNamespace() {
  const std::string user = absl::StrCat(geteuid(), " ", geteuid(), " 1");
  const std::string group = absl::StrCat(getegid(), " ", getegid(), " 1");
  return unshare(CLONE_NEWUSER) == 0 && WriteFile("/proc/self/setgroups", "deny") &&
         WriteFile("/proc/self/uid_map", user) && WriteFile("/proc/self/gid_map", group);
}

bool MakeRoot(const std::string& directory) {
  if (chroot(directory.c_str()) != 0 && (!EnterUserNamespace() || chroot(directory.c_str()) != 0)) {
    return false;
  }
  return chdir("/") == 0;
}

// All kinds of access that version `abi` of Landlock knows: it forbids none but those named.
std::uint64_t KnownAccess(int abi) {
  std::uint64_t access = (1u << 13) - 1;
  if (abi >= 2) access |= 1u << 13;  // LANDLOCK_ACCESS_FS_REFER
  if (abi >= 3) access |= 1u << 14;  // LANDLOCK_ACCESS_FS_TRUNCATE
  if (abi >= 5) access |= 1u << 15;  // LANDLOCK_ACCESS_FS_IOCTL_DEV
  return access;
}

bool ForbidOtherFiles(const std::string& directory) {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0},
                           LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return false;
  landlock_ruleset_attr rules = {};
  rules.handled_access_fs = KnownAccess(static_cast<int>(abi));
  // The first field alone: later ones are of later versions.
  const UniqueFd ruleset(static_cast<int>(
      syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules.handled_access_fs), 0)));
  const UniqueFd parent(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!ruleset.valid() || !parent.valid()) return false;
  landlock_path_beneath_attr beneath = {};
  beneath.allowed_access = rules.handled_access_fs & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE};
  beneath.parent_fd = parent.get();
  return syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) ==
             0 &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0;
}

}  // namespace

PrivateDirectories::PrivateDirectories(std::string root, UniqueFd lock)
    : root_(std::move(root)), lock_(std::move(lock)) {}

PrivateDirectories::PrivateDirectories(PrivateDirectories&& other) noexcept
    : root_(std::exchange(other.root_, "")), lock_(std::move(other.lock_)), made_(other.made_) {}

PrivateDirectories::~PrivateDirectories() {
  if (!root_.empty()) Remove(root_);
}

absl::StatusOr<PrivateDirectories> PrivateDirectories::Create(const std::string& fallback) {
  const std::string base = access(kInMemory, W_OK | X_OK) == 0 ? kInMemory : fallback;
  RemoveLeftOvers(base);
  // Between its making and its locking another process may take a directory for a left-over.
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::string path = absl::StrCat(base, "/", kPrefix, "XXXXXX");
    if (mkdtemp(path.data()) == nullptr) {
      return ErrnoError(errno, absl::StrCat("making a directory in ", base));
    }
    UniqueFd lock = OpenDirectory(path);
    struct stat status;
    if (lock.valid() && flock(lock.get(), LOCK_EX | LOCK_NB) == 0 &&
        fstat(lock.get(), &status) == 0 && status.st_nlink > 0) {
      return PrivateDirectories(std::move(path), std::move(lock));
    }
  }
  return absl::InternalError(absl::StrCat("no directory in ", base, " stays ours"));
}

absl::StatusOr<std::string> PrivateDirectories::Make() {
  std::string path = absl::StrCat(root_, "/", ++made_);
  if (mkdir(path.c_str(), 0700) != 0 || mkdir(absl::StrCat(path, "/tmp").c_str(), 0700) != 0) {
    return ErrnoError(errno, absl::StrCat("making ", path));
  }
  return path;
}

void PrivateDirectories::Remove(const std::string& directory) {
  std::error_code error;  // what cannot be removed stays for the next process
  std::filesystem::remove_all(directory, error);
}

void PrivateDirectories::Forget() {
  root_.clear();
  lock_.reset();
}

absl::StatusOr<std::string> ConfineToDirectory(const std::string& directory) {
  const bool is_root = MakeRoot(directory);
  if (!is_root && chdir(directory.c_str()) != 0) return ErrnoError(errno, directory);
  if (!ForbidOtherFiles(is_root ? "/" : directory) && !is_root) {
    return absl::FailedPreconditionError(
        "a compile could not be kept from the files of this machine: it has neither user "
        "namespaces nor Landlock for this user");
  }
  return is_root ? "" : directory;
}

}  // namespace amdgpu::compiler_process
