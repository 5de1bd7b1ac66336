#include "telemetry/attach_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "c_src/base/message_socket.h"
#include "telemetry/attach.h"

namespace amdgpu::telemetry {
namespace {

// A process may have several runtimes one after the other, or, in tests, at once.
std::atomic<int> next_number{1};

}  // namespace

absl::StatusOr<std::unique_ptr<AttachServer>> AttachServer::Start(
    int board_fd, std::function<void(int)> on_change) {
  const absl::StatusOr<std::string> directory = RuntimeDirectory();
  if (!directory.ok()) return directory.status();
  std::string path =
      absl::StrCat(*directory, "/", getpid(), "-", next_number.fetch_add(1), ".frames");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Under another name until it listens: who finds an entry that nobody listens to removes it.
  const std::string unborn = absl::StrCat(path, "~");
  if (unborn.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("the path of a socket is too long: ", path));
  }
  unborn.copy(address.sun_path, unborn.size());
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid()) return ErrnoError(errno, "socket");
  unlink(unborn.c_str());  // of a process that had this number before
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener.get(), 16) != 0 || rename(unborn.c_str(), path.c_str()) != 0) {
    return ErrnoError(errno, absl::StrCat("listening on ", path));
  }
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) return ErrnoError(errno, "eventfd");
  return absl::WrapUnique(new AttachServer(board_fd, std::move(path), std::move(listener),
                                           std::move(stop), std::move(on_change)));
}

AttachServer::AttachServer(int board_fd, std::string path, UniqueFd listener, UniqueFd stop,
                           std::function<void(int)> on_change)
    : board_fd_(board_fd),
      path_(std::move(path)),
      listener_(std::move(listener)),
      stop_(std::move(stop)),
      on_change_(std::move(on_change)),
      thread_([this] { Run(); }) {}

AttachServer::~AttachServer() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof(one));
  thread_.join();
  unlink(path_.c_str());
}

UniqueFd AttachServer::Accept() {
  UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection.valid()) return connection;
  ucred peer{};
  socklen_t bytes = sizeof(peer);
  if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0 ||
      (peer.uid != geteuid() && peer.uid != 0) || attached() >= kMaxAttached ||
      !SendFd(connection.get(), board_fd_).ok()) {
    return UniqueFd();
  }
  return connection;
}

void AttachServer::Run() {
  std::vector<UniqueFd> connections;
  while (true) {
    std::vector<pollfd> entries = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const UniqueFd& connection : connections) entries.push_back({connection.get(), POLLIN, 0});
    if (poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
    if (entries[0].revents != 0) return;
    // Nobody has anything to say: what can be read is the end, or a peer of no use.
    for (std::size_t i = connections.size(); i > 0; --i) {
      if (entries[i + 1].revents != 0) connections.erase(connections.begin() + (i - 1));
    }
    if (entries[1].revents != 0) {
      UniqueFd connection = Accept();
      if (connection.valid()) connections.push_back(std::move(connection));
    }
    const int count = static_cast<int>(connections.size());
    if (attached_.exchange(count, std::memory_order_relaxed) != count) on_change_(count);
  }
}

}  // namespace amdgpu::telemetry
