// The messages of c_src/base/message_socket.h, for sockets that must not block.

#ifndef AMDGPU_C_SRC_KERNEL_FRAME_READER_H_
#define AMDGPU_C_SRC_KERNEL_FRAME_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"

namespace amdgpu {

// `message` as SendMessage would send it.
std::string EncodeFrame(const google::protobuf::MessageLite& message);

// Puts together one message from what arrives. Not thread-safe.
class FrameReader {
 public:
  // A longer message is refused before its bytes are kept.
  explicit FrameReader(std::uint32_t max_bytes) : max_bytes_(max_bytes) {}

  // Takes what `fd` has now, without blocking. kOutOfRange: the peer has closed. Any other error
  // means that the stream cannot be used any more.
  absl::Status Read(int fd);

  // True when the whole message is there.
  bool complete() const;
  // Parses it. False: these bytes are no such message.
  bool Parse(google::protobuf::MessageLite& message) const;

 private:
  std::uint32_t length() const;

  std::uint32_t max_bytes_;
  std::string buffer_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_FRAME_READER_H_
