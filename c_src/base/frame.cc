#include "c_src/base/frame.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

std::uint32_t LoadLength(const char* bytes) {
  const auto* octets = reinterpret_cast<const unsigned char*>(bytes);
  return octets[0] | octets[1] << 8 | octets[2] << 16 | static_cast<std::uint32_t>(octets[3]) << 24;
}

absl::Status TooLong(std::uint32_t length, std::uint32_t max_bytes) {
  return absl::DataLossError(
      absl::StrCat("a message of ", length, " bytes, more than ", max_bytes));
}

// Waits until `fd` is ready for `events`.
absl::Status WaitFor(int fd, short events, std::uint64_t deadline_ns) {
  while (true) {
    int timeout_ms = -1;
    if (deadline_ns != 0) {
      const std::uint64_t now = NowNs();
      if (now >= deadline_ns) return absl::DeadlineExceededError("the peer did not answer in time");
      timeout_ms =
          static_cast<int>(std::min<std::uint64_t>((deadline_ns - now) / 1'000'000 + 1, 1'000'000));
    }
    pollfd poll_fd = {fd, events, 0};
    const int ready = poll(&poll_fd, 1, timeout_ms);
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return ErrnoError(errno, "waiting for a socket");
  }
}

absl::Status ReceiveAll(int fd, char* bytes, std::size_t size, std::uint64_t deadline_ns) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t received = recv(fd, bytes + done, size - done, MSG_DONTWAIT);
    if (received > 0) {
      done += static_cast<std::size_t>(received);
    } else if (received == 0) {
      if (done == 0) return absl::OutOfRangeError("the peer has closed");
      return absl::DataLossError("the peer closed inside a message");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (absl::Status status = WaitFor(fd, POLLIN, deadline_ns); !status.ok()) return status;
    } else if (errno != EINTR) {
      return ErrnoError(errno, "receiving a message");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AppendFrame(const google::protobuf::MessageLite& message, std::string& out) {
  const std::size_t size = message.ByteSizeLong();
  if (size > std::numeric_limits<std::int32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("a message of ", size, " bytes is too long"));
  }
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(size >> (8 * i)));
  if (!message.AppendToString(&out)) return absl::InternalError("a message without serialization");
  return absl::OkStatus();
}

absl::Status FrameReader::CheckLength() const {
  if (buffer_.size() < kFrameHeaderBytes) return absl::OkStatus();
  const std::uint32_t length = LoadLength(buffer_.data());
  return length > max_bytes_ ? TooLong(length, max_bytes_) : absl::OkStatus();
}

absl::Status FrameReader::Read(int fd) {
  char chunk[64 * 1024];
  while (true) {
    const ssize_t received = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (received > 0) {
      buffer_.append(chunk, static_cast<std::size_t>(received));
      if (absl::Status status = CheckLength(); !status.ok()) return status;
    } else if (received == 0) {
      return absl::OutOfRangeError("the peer has closed");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return absl::OkStatus();
    } else if (errno != EINTR) {
      return ErrnoError(errno, "receiving a message");
    }
  }
}

bool FrameReader::Next(std::string& payload) {
  if (buffer_.size() < kFrameHeaderBytes) return false;
  const std::size_t length = LoadLength(buffer_.data());
  if (buffer_.size() < kFrameHeaderBytes + length) return false;
  payload.assign(buffer_, kFrameHeaderBytes, length);
  buffer_.erase(0, kFrameHeaderBytes + length);
  return true;
}

absl::Status SendFrame(int fd, const google::protobuf::MessageLite& message,
                       std::uint64_t deadline_ns) {
  std::string bytes;
  if (absl::Status status = AppendFrame(message, bytes); !status.ok()) return status;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t sent =
        send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (absl::Status status = WaitFor(fd, POLLOUT, deadline_ns); !status.ok()) return status;
    } else if (errno != EINTR) {
      return ErrnoError(errno, "sending a message");
    }
  }
  return absl::OkStatus();
}

absl::Status ReceiveFrame(int fd, google::protobuf::MessageLite& message, std::uint32_t max_bytes,
                          std::uint64_t deadline_ns) {
  char header[kFrameHeaderBytes];
  if (absl::Status status = ReceiveAll(fd, header, sizeof(header), deadline_ns); !status.ok()) {
    return status;
  }
  const std::uint32_t length = LoadLength(header);
  if (length > max_bytes) return TooLong(length, max_bytes);
  std::string payload(length, '\0');
  if (absl::Status status = ReceiveAll(fd, payload.data(), length, deadline_ns); !status.ok()) {
    return absl::IsOutOfRange(status) ? absl::DataLossError("the peer closed inside a message")
                                      : status;
  }
  if (!message.ParseFromString(payload)) return absl::DataLossError("not the message expected");
  return absl::OkStatus();
}

}  // namespace amdgpu
