// Unit: where the cache is, and whether it can be trusted.

#include "c_src/kernel/cache_directory.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "tests/c_src/kernel/test_directory.h"

namespace amdgpu {
namespace {

// Sets an environment variable for as long as it lives; null removes it.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const char* value) : name_(name) {
    if (const char* old = getenv(name); old != nullptr) old_ = old;
    Set(value);
  }
  ~ScopedEnvironment() { Set(old_.has_value() ? old_->c_str() : nullptr); }

 private:
  void Set(const char* value) {
    if (value == nullptr) {
      unsetenv(name_);
    } else {
      setenv(name_, value, 1);
    }
  }
  const char* name_;
  std::optional<std::string> old_;
};

mode_t Mode(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(CacheDirectoryTest, Default) {
  ScopedEnvironment home("HOME", "/home/someone");
  ScopedEnvironment own("AMDGPU_CACHE_DIR", nullptr);
  {
    ScopedEnvironment xdg("XDG_CACHE_HOME", nullptr);
    EXPECT_EQ(DefaultCacheDirectory(), "/home/someone/.cache/amdgpu");
  }
  {
    ScopedEnvironment xdg("XDG_CACHE_HOME", "not/absolute");
    EXPECT_EQ(DefaultCacheDirectory(), "/home/someone/.cache/amdgpu");
  }
  ScopedEnvironment xdg("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(DefaultCacheDirectory(), "/xdg/amdgpu");
  ScopedEnvironment chosen("AMDGPU_CACHE_DIR", "/chosen");
  EXPECT_EQ(DefaultCacheDirectory(), "/chosen");
}

TEST(CacheDirectoryTest, IsMadePrivate) {
  const TestDirectory directory;
  const mode_t old_mask = umask(0);
  EXPECT_TRUE(OpenCacheDirectory(directory.Path("a/b/cache")).ok());
  umask(old_mask);
  for (const char* path : {"a", "a/b", "a/b/cache", "a/b/cache/code-1"}) {
    EXPECT_EQ(Mode(directory.Path(path)), 0700u) << path;
  }
  EXPECT_TRUE(OpenCacheDirectory(directory.Path("a/b/cache")).ok());
  EXPECT_TRUE(OpenCacheDirectory(directory.Path("a/b/cache/")).ok());
}

TEST(CacheDirectoryTest, OnlyOurOwnFolderIsClosedToOthers) {
  const TestDirectory directory;
  ASSERT_EQ(mkdir(directory.Path("cache").c_str(), 0755), 0);
  ASSERT_EQ(mkdir(directory.Path("cache/code-1").c_str(), 0755), 0);
  EXPECT_TRUE(OpenCacheDirectory(directory.Path("cache")).ok());
  EXPECT_EQ(Mode(directory.Path("cache")), 0755u);
  EXPECT_EQ(Mode(directory.Path("cache/code-1")), 0700u);
}

TEST(CacheDirectoryTest, LinksAreNotFollowedInside) {
  const TestDirectory directory;
  ASSERT_EQ(mkdir(directory.Path("cache").c_str(), 0700), 0);
  ASSERT_EQ(mkdir(directory.Path("elsewhere").c_str(), 0755), 0);
  ASSERT_EQ(symlink(directory.Path("elsewhere").c_str(), directory.Path("cache/code-1").c_str()),
            0);
  EXPECT_FALSE(OpenCacheDirectory(directory.Path("cache")).ok());
  EXPECT_EQ(Mode(directory.Path("elsewhere")), 0755u);
}

TEST(CacheDirectoryTest, AnotherUsersIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const TestDirectory directory;
  ASSERT_EQ(mkdir(directory.Path("cache").c_str(), 0777), 0);
  ASSERT_EQ(chown(directory.Path("cache").c_str(), 12345, 12345), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(OpenCacheDirectory(directory.Path("cache")).status()));
  ASSERT_EQ(mkdir(directory.Path("ours").c_str(), 0700), 0);
  ASSERT_EQ(mkdir(directory.Path("ours/code-1").c_str(), 0777), 0);
  ASSERT_EQ(chown(directory.Path("ours/code-1").c_str(), 12345, 12345), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(OpenCacheDirectory(directory.Path("ours")).status()));
}

TEST(CacheDirectoryTest, AFileIsInTheWay) {
  const TestDirectory directory;
  WriteFile(directory.Path("cache"), "");
  EXPECT_FALSE(OpenCacheDirectory(directory.Path("cache")).ok());
  EXPECT_FALSE(OpenCacheDirectory(directory.Path("cache/below")).ok());
}

}  // namespace
}  // namespace amdgpu
