#include "c_src/worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "c_src/base/error.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu::worker {
namespace {

// The kernel's interface, which is newer than the C library's headers.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1;

constexpr std::uint64_t kExecute = 1 << 0;
constexpr std::uint64_t kWriteFile = 1 << 1;
constexpr std::uint64_t kReadFile = 1 << 2;
constexpr std::uint64_t kReadFolder = 1 << 3;
constexpr std::uint64_t kFirst13 = (1 << 13) - 1;  // all that version 1 knows: make, remove, ...
constexpr std::uint64_t kRefer = 1 << 13;          // from version 2: rename and link across folders
constexpr std::uint64_t kTruncate = 1 << 14;       // from 3
constexpr std::uint64_t kControl = 1 << 15;        // from 5: ioctl of devices
// What makes sense for a file that is no folder.
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kControl;

struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed;
  std::int32_t parent;
};

std::uint64_t HandledBy(long version) {
  std::uint64_t handled = kFirst13;
  if (version >= 2) handled |= kRefer;
  if (version >= 3) handled |= kTruncate;
  if (version >= 5) handled |= kControl;
  return handled;
}

absl::Status Allow(int ruleset, const std::string& path, std::uint64_t allowed) {
  const UniqueFd file(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status;
  // What is not there, or not ours to see, needs no rule.
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return absl::OkStatus();
  if (!S_ISDIR(status.st_mode)) allowed &= kOfFiles;
  const PathBeneath rule = {allowed, file.get()};
  if (syscall(kAddRule, ruleset, kPathBeneath, &rule, 0) != 0) {
    return ErrnoError(errno, absl::StrCat("allowing ", path));
  }
  return absl::OkStatus();
}

void AddFolderOf(const std::string& library, std::vector<std::string>* folders) {
  const std::size_t slash = library.rfind('/');
  if (slash == std::string::npos || slash == 0) return;
  folders->push_back(library.substr(0, slash));
  // What a link leads to has its companions beside it there.
  char* const real = realpath(library.c_str(), nullptr);
  if (real == nullptr) return;
  const std::string target = real;
  free(real);
  folders->push_back(target.substr(0, target.rfind('/')));
}

void AddMatches(const char* pattern, std::vector<std::string>* files) {
  glob_t found = {};
  if (glob(pattern, 0, nullptr, &found) == 0) {
    files->insert(files->end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
}

void AddVariable(const char* name, const char* otherwise, std::vector<std::string>* files) {
  const char* const value = getenv(name);
  const std::string paths = value != nullptr ? value : otherwise;
  for (absl::string_view path : absl::StrSplit(paths, ':', absl::SkipEmpty())) {
    files->emplace_back(path);
  }
}

}  // namespace

absl::Status ConfineFiles(const FileAccess& access) {
  const long version = syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version < 1) return absl::UnimplementedError("this kernel has no Landlock");
  const std::uint64_t handled = HandledBy(version);
  const UniqueFd ruleset(static_cast<int>(syscall(kCreateRuleset, &handled, sizeof(handled), 0)));
  if (ruleset.get() < 0) return ErrnoError(errno, "making a Landlock ruleset");
  for (const std::string& path : access.read) {
    absl::Status status = Allow(ruleset.get(), path, kReadFile | kReadFolder);
    if (!status.ok()) return status;
  }
  for (const std::string& path : access.write) {
    absl::Status status = Allow(ruleset.get(), path, handled & ~kExecute);
    if (!status.ok()) return status;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(kRestrictSelf, ruleset.get(), 0) != 0) {
    return ErrnoError(errno, "entering a Landlock ruleset");
  }
  return absl::OkStatus();
}

FileAccess VendorFiles(absl::string_view kind, const std::vector<std::string>& libraries) {
  FileAccess access;
  // Where libraries, their kernels and configuration are, on one system or another.
  access.read = {"/usr",  "/lib", "/lib32", "/lib64",     "/opt",       "/etc",
                 "/proc", "/sys", "/dev",   "/nix/store", "/gnu/store", "/run/opengl-driver"};
  for (const std::string& library : libraries) AddFolderOf(library, &access.read);
  for (const char* name : {"LD_LIBRARY_PATH", "ROCM_PATH", "HIP_PATH", "CUDA_PATH", "CUDA_HOME",
                           "ROCBLAS_TENSILE_LIBPATH"}) {
    AddVariable(name, "", &access.read);
  }
  access.write = {"/dev/null", "/dev/zero", "/dev/shm", "/dev/dri", "/dev/dxg"};  // dxg: of WSL
  if (kind == "cuda") {
    AddMatches("/dev/nvidia*", &access.write);
    // Of its multi-process service, where that runs.
    AddVariable("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps", &access.write);
    AddVariable("CUDA_MPS_LOG_DIRECTORY", "/var/log/nvidia-mps", &access.write);
  } else {
    access.write.push_back("/dev/kfd");
    // HIP compiles kernels of its own, through files.
    access.write.push_back("/tmp");
  }
  return access;
}

}  // namespace amdgpu::worker
