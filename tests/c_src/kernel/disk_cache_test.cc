// The cache on disk: eviction, several processes at once, and disks that fail.

#include "c_src/kernel/disk_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "tests/c_src/kernel/test_directory.h"

namespace amdgpu {
namespace {

std::string Key(int number) { return absl::StrFormat("%064x", number); }

CacheEntry Entry(int number, std::size_t bytes = 1000) {
  CacheEntry entry;
  entry.key = Key(number);
  entry.compiler = "clang";
  entry.reply.set_code_object(std::string(bytes, static_cast<char>('a' + number % 26)));
  return entry;
}

std::unique_ptr<DiskCache> Open(const std::string& path, std::uint64_t limit = 1 << 20) {
  auto cache = DiskCache::Open(path, limit);
  EXPECT_TRUE(cache.ok()) << cache.status();
  return *std::move(cache);
}

std::string EntryPath(const std::string& cache_dir, int number) {
  return cache_dir + "/code-1/" + Key(number);
}

class DiskCacheTest : public testing::Test {
 protected:
  std::string path() const { return directory_.Path("cache"); }
  const TestDirectory directory_;
};

TEST_F(DiskCacheTest, StoresAndLoads) {
  auto cache = Open(path());
  EXPECT_FALSE(cache->Load(Key(1), "").has_value());
  cache->Store(Entry(1));
  const auto loaded = cache->Load(Key(1), "");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->reply.code_object(), Entry(1).reply.code_object());
  EXPECT_TRUE(cache->Load(Key(1), "clang").has_value());
  EXPECT_FALSE(cache->Load(Key(1), "another clang").has_value());
  EXPECT_GT(cache->bytes(), 1000u);
  struct stat status;
  ASSERT_EQ(stat(EntryPath(path(), 1).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  cache->Clear();
  EXPECT_FALSE(cache->Load(Key(1), "").has_value());
  EXPECT_EQ(cache->bytes(), 0u);
  EXPECT_EQ(cache->errors(), 0u);
}

TEST_F(DiskCacheTest, TheLeastRecentlyUsedGo) {
  constexpr int kLimit = 20'000;
  auto cache = Open(path(), kLimit);
  for (int i = 0; i < 12; ++i) cache->Store(Entry(i));
  for (int i = 12; i < 60; ++i) {
    cache->Store(Entry(i));
    EXPECT_TRUE(cache->Load(Key(0), "").has_value()) << "used all the time, gone at " << i;
    std::uint64_t total = 0;
    for (const std::string& file : EntryFiles(path())) total += std::filesystem::file_size(file);
    EXPECT_LE(total, kLimit);
    EXPECT_EQ(cache->bytes(), total);
  }
  EXPECT_FALSE(cache->Load(Key(1), "").has_value());
  EXPECT_TRUE(cache->Load(Key(59), "").has_value());
}

TEST_F(DiskCacheTest, WhatOthersWroteCountsToo) {
  auto first = Open(path(), 20'000);
  auto second = Open(path(), 20'000);
  for (int i = 0; i < 40; ++i) (i % 2 == 0 ? first : second)->Store(Entry(i));
  std::uint64_t total = 0;
  for (const std::string& file : EntryFiles(path())) total += std::filesystem::file_size(file);
  EXPECT_LE(total, 20'000 + 20'000 / 16 + 1500);
}

TEST_F(DiskCacheTest, AnEntryLargerThanTheCacheIsNotWritten) {
  auto cache = Open(path(), 5000);
  cache->Store(Entry(1));
  cache->Store(Entry(2, 10'000));
  EXPECT_TRUE(cache->Load(Key(1), "").has_value());
  EXPECT_FALSE(cache->Load(Key(2), "").has_value());
}

TEST_F(DiskCacheTest, CorruptFilesAreRemovedAndForeignOnesReplaced) {
  auto cache = Open(path());
  cache->Store(Entry(1));
  cache->Store(Entry(2));
  std::string bytes = ReadFile(EntryPath(path(), 1));
  WriteFile(EntryPath(path(), 3), bytes);  // a whole entry, of another key
  bytes[bytes.size() / 2] ^= 1;
  WriteFile(EntryPath(path(), 1), bytes);
  WriteFile(EntryPath(path(), 2), "");
  for (const int number : {1, 2, 3}) {
    EXPECT_FALSE(cache->Load(Key(number), "").has_value());
    EXPECT_FALSE(std::filesystem::exists(EntryPath(path(), number)));
    cache->Store(Entry(number));
    EXPECT_TRUE(cache->Load(Key(number), "").has_value());
  }
  EXPECT_EQ(cache->errors(), 2u);
}

TEST_F(DiskCacheTest, WhatIsNotARegularFileIsNotRead) {
  auto cache = Open(path());
  ASSERT_EQ(mkfifo(EntryPath(path(), 1).c_str(), 0600), 0);
  ASSERT_EQ(symlink("/dev/zero", EntryPath(path(), 2).c_str()), 0);
  ASSERT_EQ(mkdir(EntryPath(path(), 3).c_str(), 0700), 0);
  WriteFile(EntryPath(path(), 4), "");
  ASSERT_EQ(truncate(EntryPath(path(), 4).c_str(), 1ll << 40), 0);
  for (const int number : {1, 2, 3, 4}) EXPECT_FALSE(cache->Load(Key(number), "").has_value());
  EXPECT_EQ(cache->errors(), 4u);
  for (const int number : {1, 2, 4}) {
    cache->Store(Entry(number));
    EXPECT_TRUE(cache->Load(Key(number), "").has_value());
  }
}

TEST_F(DiskCacheTest, WhatADeadProcessLeftIsRemovedInTime) {
  auto cache = Open(path());
  const std::string old_file = path() + "/code-1/.new-1-2-3";
  const std::string fresh_file = path() + "/code-1/.new-1-2-4";
  const std::string foreign_file = path() + "/code-1/README";
  for (const std::string& file : {old_file, fresh_file, foreign_file}) WriteFile(file, "x");
  std::filesystem::last_write_time(
      old_file, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  cache->Clear();
  EXPECT_FALSE(std::filesystem::exists(old_file));
  EXPECT_TRUE(std::filesystem::exists(fresh_file));
  EXPECT_TRUE(std::filesystem::exists(foreign_file));
}

TEST_F(DiskCacheTest, TheDirectoryIsRemovedUnderneath) {
  auto cache = Open(path());
  cache->Store(Entry(1));
  std::filesystem::remove_all(path());
  EXPECT_FALSE(cache->Load(Key(1), "").has_value());
  cache->Store(Entry(1));
  EXPECT_TRUE(cache->Load(Key(1), "").has_value());
  EXPECT_EQ(cache->errors(), 0u);
}

// Loads and stores at random; the exit code says whether everything loaded was right.
int Hammer(const std::string& path, unsigned seed) {
  auto cache = DiskCache::Open(path, 30'000);
  if (!cache.ok()) return 2;
  std::mt19937 random(seed);
  for (int i = 0; i < 1500; ++i) {
    const int number = static_cast<int>(random() % 60);
    const auto loaded = (*cache)->Load(Key(number), "");
    if (!loaded.has_value()) {
      (*cache)->Store(Entry(number));
    } else if (loaded->reply.code_object() != Entry(number).reply.code_object()) {
      return 3;
    }
  }
  return (*cache)->errors() == 0 ? 0 : 4;
}

TEST_F(DiskCacheTest, SeveralProcessesAtOnce) {
  std::vector<pid_t> children;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const pid_t pid = fork();
    if (pid == 0) _exit(Hammer(path(), seed));
    children.push_back(pid);
  }
  EXPECT_EQ(Hammer(path(), 4), 0);
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  for (const std::string& file : EntryFiles(path())) {
    EXPECT_EQ(file.find(".new-"), std::string::npos) << file;
  }
}

TEST_F(DiskCacheTest, AProcessKilledWhileItWritesLeavesNothingThatCountsAsAnEntry) {
  for (unsigned round = 0; round < 10; ++round) {
    const pid_t pid = fork();
    if (pid == 0) _exit(Hammer(path(), round));
    usleep(5000);
    kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
  }
  EXPECT_EQ(Hammer(path(), 100), 0);
}

TEST_F(DiskCacheTest, AKeyIsLockedByOneAtATime) {
  auto first = Open(path());
  auto second = Open(path());
  const std::string key(64, 'a');
  absl::StatusOr<KeyLockRef> lock = first->TryLock(key);
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_TRUE(absl::IsUnavailable(second->TryLock(key).status()));
  EXPECT_TRUE(second->TryLock(std::string(64, 'b')).ok());
  first.reset();  // what it gave out stays
  EXPECT_TRUE(absl::IsUnavailable(second->TryLock(key).status()));
  lock->reset();
  EXPECT_TRUE(second->TryLock(key).ok());
}

TEST_F(DiskCacheTest, AWriteThatFailsLeavesNoFile) {
  auto cache = Open(path());
  rlimit old_limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  rlimit low = old_limit;
  low.rlim_cur = 2000;
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  cache->Store(Entry(1, 100'000));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  signal(SIGXFSZ, old_handler);
  EXPECT_EQ(cache->errors(), 1u);
  EXPECT_TRUE(EntryFiles(path()).empty());
  cache->Store(Entry(1, 100'000));
  EXPECT_TRUE(cache->Load(Key(1), "").has_value());
}

// Runs `body` in a thread with mounts of its own and a tmpfs of 64 KiB at `path`. False: not
// permitted here.
template <typename Body>
bool WithSmallDisk(const std::string& path, Body body) {
  bool permitted = false;
  std::thread thread([&] {
    std::filesystem::create_directory(path);
    if (unshare(CLONE_FS | CLONE_NEWNS) != 0) return;
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
    if (mount("none", path.c_str(), "tmpfs", 0, "size=64k,mode=0700") != 0) return;
    permitted = true;
    body();
    umount(path.c_str());
  });
  thread.join();
  return permitted;
}

TEST_F(DiskCacheTest, AFullDisk) {
  const bool permitted = WithSmallDisk(path(), [this] {
    auto cache = Open(path());
    cache->Store(Entry(1, 20'000));
    cache->Store(Entry(2, 60'000));
    EXPECT_EQ(cache->errors(), 1u);
    EXPECT_EQ(EntryFiles(path()).size(), 1u) << "the part that was written is still there";
    EXPECT_TRUE(cache->Load(Key(1), "").has_value());
    EXPECT_FALSE(cache->Load(Key(2), "").has_value());
    cache->Clear();
    cache->Store(Entry(2, 30'000));
    EXPECT_TRUE(cache->Load(Key(2), "").has_value());
  });
  if (!permitted) GTEST_SKIP() << "mounting is not permitted here";
}

TEST_F(DiskCacheTest, AReadOnlyDisk) {
  const bool permitted = WithSmallDisk(path(), [this] {
    Open(path())->Store(Entry(1));
    ASSERT_EQ(mount("none", path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    auto cache = Open(path());
    EXPECT_TRUE(cache->Load(Key(1), "").has_value());
    EXPECT_EQ(cache->errors(), 0u);
    // There is no lock to be had, but nobody has it.
    const absl::Status lock = cache->TryLock(Key(2)).status();
    EXPECT_FALSE(lock.ok() || absl::IsUnavailable(lock)) << lock;
    cache->Store(Entry(2));
    EXPECT_EQ(cache->errors(), 1u);
  });
  if (!permitted) GTEST_SKIP() << "mounting is not permitted here";
}

}  // namespace
}  // namespace amdgpu
