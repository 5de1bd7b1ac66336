#include "telemetry/attach.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "c_src/base/error.h"
#include "c_src/base/message_socket.h"

namespace amdgpu::telemetry {
namespace {

constexpr char kSuffix[] = ".frames";
constexpr timeval kAnswerTime = {1, 0};

std::string DirectoryPath() {
  if (const char* directory = std::getenv("AMDGPU_RUNTIME_DIR");
      directory != nullptr && *directory != '\0') {
    return directory;
  }
  if (const char* directory = std::getenv("XDG_RUNTIME_DIR");
      directory != nullptr && *directory == '/' && access(directory, W_OK | X_OK) == 0) {
    return absl::StrCat(directory, "/amdgpu");
  }
  return absl::StrCat("/tmp/amdgpu-", geteuid());
}

// Of "1234-1.frames"; 0 if it is not one of ours.
pid_t PidOf(absl::string_view file) {
  const std::vector<absl::string_view> parts = absl::StrSplit(file, absl::MaxSplits('-', 1));
  pid_t pid;
  if (!absl::EndsWith(file, kSuffix) || parts.size() != 2 || !absl::SimpleAtoi(parts[0], &pid)) {
    return 0;
  }
  return pid;
}

// kUnavailable: nobody listens there.
absl::StatusOr<UniqueFd> Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("the path of a socket is too long: ", path));
  }
  path.copy(address.sun_path, path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return ErrnoError(errno, "socket");
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerTime, sizeof(kAnswerTime));
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kAnswerTime, sizeof(kAnswerTime));
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) {
      return absl::UnavailableError(absl::StrCat(path, ": the runtime has ended"));
    }
    return ErrnoError(errno, absl::StrCat("connecting to ", path));
  }
  return socket;
}

}  // namespace

absl::StatusOr<std::string> RuntimeDirectory() {
  std::string path = DirectoryPath();
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoError(errno, absl::StrCat("making ", path));
  }
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return ErrnoError(errno, path);
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " is not a directory of this user's alone (mode 0700)"));
  }
  return path;
}

std::vector<RuntimeEntry> ListRuntimes() {
  std::vector<std::pair<std::uint64_t, RuntimeEntry>> found;
  const absl::StatusOr<std::string> directory = RuntimeDirectory();
  if (!directory.ok()) return {};
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory->c_str()), closedir);
  if (listing == nullptr) return {};
  while (const dirent* entry = readdir(listing.get())) {
    const pid_t pid = PidOf(entry->d_name);
    if (pid == 0) continue;
    const std::string path = absl::StrCat(*directory, "/", entry->d_name);
    struct stat info;
    if (lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) continue;
    if (absl::IsUnavailable(Connect(path).status())) {
      unlink(path.c_str());
      continue;
    }
    const std::uint64_t made =
        static_cast<std::uint64_t>(info.st_ctim.tv_sec) * 1'000'000'000u + info.st_ctim.tv_nsec;
    found.push_back({made, {pid, path}});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<RuntimeEntry> runtimes;
  for (auto& [made, runtime] : found) runtimes.push_back(std::move(runtime));
  return runtimes;
}

bool Attachment::alive() const {
  if (frames_.closed()) return false;
  pollfd entry{connection_.get(), POLLIN, 0};
  return poll(&entry, 1, 0) == 0;
}

absl::StatusOr<Attachment> Attach(const RuntimeEntry& runtime) {
  absl::StatusOr<UniqueFd> connection = Connect(runtime.socket);
  if (!connection.ok()) return connection.status();
  const absl::StatusOr<UniqueFd> board = ReceiveFd(connection->get());
  if (!board.ok()) {
    return absl::UnavailableError(
        absl::StrCat("the runtime in process ", runtime.pid,
                     " gives no frames: ", std::string(board.status().message())));
  }
  absl::StatusOr<BoardReader> frames = BoardReader::Open(board->get());
  if (!frames.ok()) return frames.status();
  return Attachment(*std::move(connection), *std::move(frames));
}

absl::StatusOr<Attachment> AttachTo(pid_t pid) {
  const std::vector<RuntimeEntry> runtimes = ListRuntimes();
  for (auto runtime = runtimes.rbegin(); runtime != runtimes.rend(); ++runtime) {
    if (pid == 0 || runtime->pid == pid) return Attach(*runtime);
  }
  return absl::NotFoundError(pid == 0 ? "no AMDGPU runtime of this user is running"
                                      : absl::StrCat("no AMDGPU runtime in process ", pid));
}

}  // namespace amdgpu::telemetry
