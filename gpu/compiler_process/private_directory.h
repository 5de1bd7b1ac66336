// Directories for children whose compiler writes temporary files: one each, removed when it ends,
// and removed by the next process of this user if this one is killed first.

#ifndef AMDGPU_GPU_COMPILER_PROCESS_PRIVATE_DIRECTORY_H_
#define AMDGPU_GPU_COMPILER_PROCESS_PRIVATE_DIRECTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu::compiler_process {

// The parent of the children's directories. For one thread.
class PrivateDirectories {
 public:
  // In memory where /dev/shm is writable, else below `fallback`. Removes what dead processes left.
  static absl::StatusOr<PrivateDirectories> Create(const std::string& fallback = "/tmp");
  PrivateDirectories(PrivateDirectories&& other) noexcept;
  PrivateDirectories& operator=(PrivateDirectories&&) = delete;
  ~PrivateDirectories();

  // A new, empty one with a folder "tmp"; mode 0700.
  absl::StatusOr<std::string> Make();
  // With everything below it. Links are not followed.
  static void Remove(const std::string& directory);
  // In a forked child: the directories are the parent's.
  void Forget();

 private:
  PrivateDirectories(std::string root, UniqueFd lock);

  std::string root_;  // empty: nothing to remove
  UniqueFd lock_;     // held while this process lives
  std::uint64_t made_ = 0;
};

// Leaves this process nothing of the file system but `directory`: it becomes the root where that is
// permitted (as root, or in a user namespace), and Landlock forbids everything else where the
// kernel has it. Returns the directory's path from then on: "" when it is the root.
// kFailedPrecondition when neither is possible. For a process with one thread.
absl::StatusOr<std::string> ConfineToDirectory(const std::string& directory);

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_GPU_COMPILER_PROCESS_PRIVATE_DIRECTORY_H_
