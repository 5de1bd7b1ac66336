#include "gpu/host/compiler/frame.h"

#include <errno.h>
#include <sys/socket.h>

#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu::hostcc {
namespace {

absl::Status ReadAll(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, data, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "reading a message");
    if (got == 0) return absl::UnavailableError("the peer has closed the connection");
    data += got;
    size -= static_cast<std::size_t>(got);
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t put = send(fd, data, size, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EPIPE) {
      return absl::UnavailableError("the peer has closed the connection");
    }
    if (put < 0) return ErrnoError(errno, "writing a message");
    data += put;
    size -= static_cast<std::size_t>(put);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFrame(int fd, std::uint32_t limit) {
  unsigned char header[4];
  if (absl::Status status = ReadAll(fd, reinterpret_cast<char*>(header), sizeof(header));
      !status.ok()) {
    return status;
  }
  const std::uint32_t size =
      header[0] | header[1] << 8 | header[2] << 16 | static_cast<std::uint32_t>(header[3]) << 24;
  if (size > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a message of ", size, " bytes; the limit is ", limit));
  }
  std::string message(size, '\0');
  if (absl::Status status = ReadAll(fd, message.data(), size); !status.ok()) return status;
  return message;
}

absl::Status WriteFrame(int fd, absl::string_view message) {
  if (message.size() > std::numeric_limits<std::uint32_t>::max()) {
    return absl::ResourceExhaustedError("a message of more than 4 GiB");
  }
  const auto size = static_cast<std::uint32_t>(message.size());
  const char header[4] = {static_cast<char>(size), static_cast<char>(size >> 8),
                          static_cast<char>(size >> 16), static_cast<char>(size >> 24)};
  if (absl::Status status = WriteAll(fd, header, sizeof(header)); !status.ok()) return status;
  return WriteAll(fd, message.data(), message.size());
}

}  // namespace amdgpu::hostcc
