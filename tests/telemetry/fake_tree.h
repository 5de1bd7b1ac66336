// A folder with files of a test's choosing, in place of / or /sys.

#ifndef AMDGPU_TESTS_TELEMETRY_FAKE_TREE_H_
#define AMDGPU_TESTS_TELEMETRY_FAKE_TREE_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace amdgpu::telemetry {

class FakeTree {
 public:
  FakeTree() {
    std::string name = (std::filesystem::temp_directory_path() / "treeXXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~FakeTree() { std::filesystem::remove_all(root_); }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;

  const std::string& root() const { return root_; }
  // In place if the file is there: who has it open sees the new contents.
  void Write(const std::string& path, std::string_view contents) {
    const std::filesystem::path full = root_ + "/" + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary | std::ios::trunc) << contents;
  }
  void Link(const std::string& path, const std::string& target) {
    const std::filesystem::path full = root_ + "/" + path;
    std::filesystem::create_directories(full.parent_path());
    std::filesystem::create_symlink(target, full);
  }
  void Remove(const std::string& path) { std::filesystem::remove_all(root_ + "/" + path); }

 private:
  std::string root_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TESTS_TELEMETRY_FAKE_TREE_H_
