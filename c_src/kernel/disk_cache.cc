#include "c_src/kernel/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "c_src/kernel/cache_directory.h"

namespace amdgpu {
namespace {

constexpr char kTemporaryPrefix[] = ".new-";
// A temporary file this old was left by a process that died.
constexpr std::int64_t kTemporaryLifeSeconds = 600;
constexpr int kOpenEntry = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

timespec RealTime() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

// With the clock's full resolution; the kernel's own stamps are ticks of milliseconds.
void MarkUsed(int fd) {
  const timespec now = RealTime();
  const timespec times[2] = {now, now};
  futimens(fd, times);
}

bool IsKey(absl::string_view name) {
  return name.size() == 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// The bytes of an entry's file. kNotFound; kDataLoss: not a file that we can have written.
absl::StatusOr<std::string> ReadEntryFile(int directory, const std::string& name) {
  UniqueFd file(openat(directory, name.c_str(), O_RDONLY | kOpenEntry));
  if (!file.valid()) {
    if (errno == ELOOP || errno == ENXIO) return absl::DataLossError("not a regular file");
    return ErrnoError(errno, name);
  }
  struct stat status;
  if (fstat(file.get(), &status) != 0) return ErrnoError(errno, name);
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
      static_cast<std::uint64_t>(status.st_size) > kMaxEntryBytes) {
    return absl::DataLossError("not a file of ours");
  }
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, name);
    if (count == 0) break;  // cut while we read: verification will tell
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  MarkUsed(file.get());
  return bytes;
}

absl::Status WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, "writing a cache entry");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return absl::OkStatus();
}

struct Listed {
  std::string name;
  std::uint64_t bytes;
  timespec used;
};

// Every entry in the directory; removes temporary files that a dead process left.
std::vector<Listed> ListEntries(int directory) {
  std::vector<Listed> entries;
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = copy < 0 ? nullptr : fdopendir(copy);
  if (stream == nullptr) {
    if (copy >= 0) close(copy);
    return entries;
  }
  absl::Cleanup close_stream = [stream] { closedir(stream); };
  const std::int64_t now = RealTime().tv_sec;
  while (const dirent* item = readdir(stream)) {
    const absl::string_view name = item->d_name;
    const bool temporary = name.substr(0, sizeof(kTemporaryPrefix) - 1) == kTemporaryPrefix;
    if (!temporary && !IsKey(name)) continue;
    struct stat status;
    if (fstatat(directory, item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!temporary) {
      entries.push_back(
          {std::string(name), static_cast<std::uint64_t>(status.st_size), status.st_mtim});
    } else if (now - status.st_mtim.tv_sec > kTemporaryLifeSeconds) {
      unlinkat(directory, item->d_name, 0);
    }
  }
  return entries;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DiskCache>> DiskCache::Open(const std::string& path,
                                                           std::uint64_t limit_bytes) {
  absl::StatusOr<UniqueFd> directory = OpenCacheDirectory(path);
  if (!directory.ok()) return directory.status();
  return std::unique_ptr<DiskCache>(new DiskCache(path, *std::move(directory), limit_bytes));
}

DiskCache::DiskCache(std::string path, UniqueFd directory, std::uint64_t limit_bytes)
    : path_(std::move(path)), limit_bytes_(limit_bytes), directory_(std::move(directory)) {}

std::optional<CacheEntry> DiskCache::Load(absl::string_view key, absl::string_view compiler) {
  MutexLock lock(&mutex_);
  const std::string name(key);
  absl::StatusOr<std::string> bytes = ReadEntryFile(directory_.get(), name);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  absl::StatusOr<CacheEntry> entry =
      bytes.ok() ? DecodeCacheEntry(*bytes, key) : absl::StatusOr<CacheEntry>(bytes.status());
  if (!entry.ok()) {
    if (!absl::IsFailedPrecondition(entry.status())) CountError();
    if (bytes.ok() || absl::IsDataLoss(bytes.status())) unlinkat(directory_.get(), name.c_str(), 0);
    return std::nullopt;
  }
  if (!compiler.empty() && entry->compiler != compiler) return std::nullopt;
  return *std::move(entry);
}

absl::StatusOr<KeyLockRef> DiskCache::TryLock(absl::string_view key) {
  MutexLock lock(&mutex_);
  return locks_.TryLock(directory_.get(), key);
}

void DiskCache::Store(const CacheEntry& entry) {
  const std::string bytes = EncodeCacheEntry(entry);
  if (bytes.size() > std::min(limit_bytes_, kMaxEntryBytes)) return;
  MutexLock lock(&mutex_);
  absl::Status written = Write(entry.key, bytes);
  if (absl::IsNotFound(written)) {
    // Somebody has removed the directory under us.
    if (absl::StatusOr<UniqueFd> again = OpenCacheDirectory(path_); again.ok()) {
      directory_ = *std::move(again);
      written = Write(entry.key, bytes);
    }
  }
  if (!written.ok()) return CountError();
  bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
  written_since_look_ += bytes.size();
  // Others write here too: look again from time to time even when our own sum is in order.
  if (!looked_ || this->bytes() > limit_bytes_ || written_since_look_ > limit_bytes_ / 16) {
    Shrink(limit_bytes_);
  }
}

void DiskCache::Clear() {
  MutexLock lock(&mutex_);
  Shrink(0);
}

absl::Status DiskCache::Write(const std::string& name, absl::string_view bytes) {
  const std::string temporary =
      absl::StrCat(kTemporaryPrefix, getpid(), "-", reinterpret_cast<std::uintptr_t>(this), "-",
                   temporary_count_++);
  UniqueFd file(
      openat(directory_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | kOpenEntry, 0600));
  if (!file.valid()) return ErrnoError(errno, "creating a cache entry");
  absl::Status status = WriteAll(file.get(), bytes);
  MarkUsed(file.get());
  // Quota and network file systems report a full disk as late as here.
  if (status.ok() && close(file.release()) != 0) {
    status = ErrnoError(errno, "closing a cache entry");
  }
  if (status.ok() &&
      renameat(directory_.get(), temporary.c_str(), directory_.get(), name.c_str()) != 0) {
    status = ErrnoError(errno, "renaming a cache entry");
  }
  if (!status.ok()) unlinkat(directory_.get(), temporary.c_str(), 0);
  return status;
}

void DiskCache::Shrink(std::uint64_t target_bytes) {
  std::vector<Listed> entries = ListEntries(directory_.get());
  looked_ = true;
  written_since_look_ = 0;
  std::uint64_t total = 0;
  for (const Listed& entry : entries) total += entry.bytes;
  if (total > target_bytes) {
    std::sort(entries.begin(), entries.end(), [](const Listed& a, const Listed& b) {
      return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
    });
    // Some room, so that the next entries do not each pay for a look.
    const std::uint64_t goal = target_bytes - target_bytes / 8;
    for (const Listed& entry : entries) {
      if (total <= goal) break;
      // Gone already: another process is at the same work, with the same list.
      if (unlinkat(directory_.get(), entry.name.c_str(), 0) == 0 || errno == ENOENT) {
        total -= entry.bytes;
      }
    }
  }
  bytes_.store(total, std::memory_order_relaxed);
}

}  // namespace amdgpu
