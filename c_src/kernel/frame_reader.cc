#include "c_src/kernel/frame_reader.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);
constexpr std::size_t kChunkBytes = 64 * 1024;

}  // namespace

std::string EncodeFrame(const google::protobuf::MessageLite& message) {
  const auto length = static_cast<std::uint32_t>(message.ByteSizeLong());
  std::string bytes(kLengthBytes, '\0');
  std::memcpy(bytes.data(), &length, kLengthBytes);
  message.AppendToString(&bytes);
  return bytes;
}

absl::Status FrameReader::Read(int fd) {
  std::vector<char> chunk(kChunkBytes);
  while (true) {
    const ssize_t received = recv(fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (received > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(received));
      if (buffer_.size() >= kLengthBytes && length() > max_bytes_) {
        return absl::DataLossError(
            absl::StrCat("a message of ", length(), " bytes, more than ", max_bytes_));
      }
    } else if (received == 0) {
      return absl::OutOfRangeError("the peer has closed");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return absl::OkStatus();
    } else if (errno != EINTR) {
      return ErrnoError(errno, "receiving a message");
    }
  }
}

bool FrameReader::complete() const {
  return buffer_.size() >= kLengthBytes && buffer_.size() - kLengthBytes >= length();
}

bool FrameReader::Parse(google::protobuf::MessageLite& message) const {
  return message.ParseFromArray(buffer_.data() + kLengthBytes, static_cast<int>(length()));
}

std::uint32_t FrameReader::length() const {
  std::uint32_t length;
  std::memcpy(&length, buffer_.data(), kLengthBytes);
  return length;
}

}  // namespace amdgpu
