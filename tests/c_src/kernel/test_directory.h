// A directory of a test's own, removed with all that is in it.

#ifndef AMDGPU_TESTS_C_SRC_KERNEL_TEST_DIRECTORY_H_
#define AMDGPU_TESTS_C_SRC_KERNEL_TEST_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace amdgpu {

class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "amdgpu-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  std::string path() const { return path_; }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// The files of a disk cache at `cache_dir`, but for its locks, as paths.
inline std::vector<std::string> EntryFiles(const std::string& cache_dir) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& file : std::filesystem::directory_iterator(cache_dir + "/code-1", none)) {
    if (file.path().filename() != ".locks") files.push_back(file.path().string());
  }
  return files;
}

}  // namespace amdgpu

#endif  // AMDGPU_TESTS_C_SRC_KERNEL_TEST_DIRECTORY_H_
