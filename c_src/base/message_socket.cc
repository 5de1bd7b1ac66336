#include "c_src/base/message_socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

absl::Status PeerGone() { return absl::UnavailableError("the other process has ended"); }

absl::Status SendAll(int fd, const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = send(fd, data, bytes, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EPIPE || errno == ECONNRESET) return PeerGone();
      return ErrnoError(errno, "send");
    }
    data += sent;
    bytes -= static_cast<std::size_t>(sent);
  }
  return absl::OkStatus();
}

absl::Status WaitReadable(int fd, std::uint64_t deadline_ns) {
  while (true) {
    const std::uint64_t now = NowNs();
    if (now >= deadline_ns) return absl::DeadlineExceededError("no answer in time");
    const std::uint64_t left = deadline_ns - now;
    const timespec timeout{static_cast<time_t>(left / 1'000'000'000u),
                           static_cast<long>(left % 1'000'000'000u)};
    pollfd entry{fd, POLLIN, 0};
    const int ready = ppoll(&entry, 1, &timeout, nullptr);
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return ErrnoError(errno, "poll");
  }
}

absl::Status ReceiveAll(int fd, char* data, std::size_t bytes,
                        std::optional<std::uint64_t> deadline_ns) {
  while (bytes > 0) {
    if (deadline_ns.has_value()) {
      if (absl::Status status = WaitReadable(fd, *deadline_ns); !status.ok()) return status;
    }
    const ssize_t received = recv(fd, data, bytes, 0);
    if (received == 0) return PeerGone();
    if (received < 0) {
      if (errno == EINTR) continue;
      if (errno == ECONNRESET) return PeerGone();
      return ErrnoError(errno, "recv");
    }
    data += received;
    bytes -= static_cast<std::size_t>(received);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::pair<UniqueFd, UniqueFd>> CreateSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoError(errno, "socketpair");
  }
  return std::make_pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

absl::Status SendMessage(int fd, const google::protobuf::MessageLite& message) {
  const std::size_t bytes = message.ByteSizeLong();
  if (bytes > kMaxMessageBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a message of ", bytes, " bytes is too long"));
  }
  const std::uint32_t length = static_cast<std::uint32_t>(bytes);
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::string wire(sizeof(length) + bytes, '\0');
  std::memcpy(wire.data(), &length, sizeof(length));
  if (!message.SerializeToArray(wire.data() + sizeof(length), static_cast<int>(bytes))) {
    return absl::InternalError("a message does not serialise");
  }
  return SendAll(fd, wire.data(), wire.size());
}

absl::Status ReceiveMessage(int fd, google::protobuf::MessageLite* message,
                            std::optional<std::uint64_t> deadline_ns, std::uint32_t max_bytes) {
  std::uint32_t length;
  absl::Status status =
      ReceiveAll(fd, reinterpret_cast<char*>(&length), sizeof(length), deadline_ns);
  if (!status.ok()) return status;
  if (length > max_bytes) {
    return absl::DataLossError(absl::StrCat("a message claims ", length, " bytes"));
  }
  std::string body(length, '\0');
  status = ReceiveAll(fd, body.data(), body.size(), deadline_ns);
  if (!status.ok()) return status;
  if (!message->ParseFromString(body)) return absl::DataLossError("a message does not parse");
  return absl::OkStatus();
}

absl::Status SendFd(int socket, int fd) {
  char byte = 0;
  iovec payload{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET) return PeerGone();
    return ErrnoError(errno, "sending a file descriptor");
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> ReceiveFd(int socket) {
  char byte;
  iovec payload{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received == 0 || (received < 0 && errno == ECONNRESET)) return PeerGone();
  if (received < 0) return ErrnoError(errno, "receiving a file descriptor");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int))) {
    return absl::DataLossError("no file descriptor in the message");
  }
  int fd;
  std::memcpy(&fd, CMSG_DATA(header), sizeof(int));
  return UniqueFd(fd);
}

}  // namespace amdgpu
