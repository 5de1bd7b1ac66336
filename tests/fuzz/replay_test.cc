// The corpus of a fuzz target as an ordinary test: its files, cut off, and with bits flipped.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/fuzz/fuzz_target.h"

namespace amdgpu {
namespace {

constexpr std::size_t kDamagedBytes = 1024;  // of each file, from its beginning

// In memory of exactly this size, so that a sanitizer sees a read past its end.
void Feed(const std::string& bytes) {
  const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  EXPECT_EQ(LLVMFuzzerTestOneInput(copy.get(), bytes.size()), 0);
}

TEST(FuzzCorpus, EveryFileWholeCutOffAndDamaged) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(AMDGPU_CORPUS)) {
    SCOPED_TRACE(entry.path().filename());
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(file), {});
    Feed(bytes);
    const std::size_t damaged = std::min(bytes.size(), kDamagedBytes);
    for (std::size_t size = 0; size < damaged; ++size) Feed(bytes.substr(0, size));
    for (std::size_t bit = 0; bit < 8 * damaged; ++bit) {
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
      Feed(bytes);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    }
    ++files;
  }
  EXPECT_GT(files, 0) << "no corpus in " << AMDGPU_CORPUS;
}

}  // namespace
}  // namespace amdgpu
