// Which files a worker may still open: Landlock, where the kernel has it (5.13 and later).

#ifndef AMDGPU_C_SRC_WORKER_LANDLOCK_H_
#define AMDGPU_C_SRC_WORKER_LANDLOCK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace amdgpu::worker {

// Files, and folders with all that is in them. What does not exist is left out.
struct FileAccess {
  std::vector<std::string> read;
  std::vector<std::string> write;  // and read, create, remove, control by ioctl
};

// For the calling thread and every one that it makes, for good: all other files can neither be
// opened nor changed, and no program can be run. Files that are open stay as they are. The threads
// that there are already are not held to it. kUnimplemented: this kernel has no Landlock.
absl::Status ConfineFiles(const FileAccess& access);

// What the runtime of `kind`, and the libraries named by `libraries`, open while they work: the
// system's files to read, the device's nodes and shared memory to write. Of the user's own files
// (home, data) nothing.
FileAccess VendorFiles(absl::string_view kind, const std::vector<std::string>& libraries);

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_LANDLOCK_H_
