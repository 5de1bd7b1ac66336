// Protobuf messages over a stream socket: a little-endian u32 length, then the message.

#ifndef AMDGPU_C_SRC_BASE_FRAME_H_
#define AMDGPU_C_SRC_BASE_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"

namespace amdgpu {

inline constexpr std::size_t kFrameHeaderBytes = 4;

// Appends `message` with its length to `out`.
absl::Status AppendFrame(const google::protobuf::MessageLite& message, std::string& out);

// Puts frames together from what arrives, for non-blocking sockets. Not thread-safe.
class FrameReader {
 public:
  // A longer frame is refused before anything is allocated for it.
  explicit FrameReader(std::uint32_t max_bytes) : max_bytes_(max_bytes) {}

  // Takes what the non-blocking `fd` has now. kOutOfRange: the peer has closed. Any other error
  // means that the stream cannot be used any more.
  absl::Status Read(int fd);

  // True, with the frame's bytes in `payload`, when a whole frame is there; it is then forgotten.
  bool Next(std::string& payload);

 private:
  absl::Status CheckLength() const;

  std::uint32_t max_bytes_;
  std::string buffer_;
};

// Blocking: sends one frame. `deadline_ns` on the NowNs() clock; 0 = none. kDeadlineExceeded.
absl::Status SendFrame(int fd, const google::protobuf::MessageLite& message,
                       std::uint64_t deadline_ns = 0);

// Blocking: receives one frame and nothing after it. kOutOfRange: the peer has closed between two
// frames. kDataLoss: the peer closed inside a frame, or what came is too long or not a message.
absl::Status ReceiveFrame(int fd, google::protobuf::MessageLite& message, std::uint32_t max_bytes,
                          std::uint64_t deadline_ns = 0);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_FRAME_H_
