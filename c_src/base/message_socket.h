// Protobuf messages, and file descriptors, over a stream socket between two of our processes.
//
// A message is a little-endian u32 length and its bytes. Both sides bound what they accept.

#ifndef AMDGPU_C_SRC_BASE_MESSAGE_SOCKET_H_
#define AMDGPU_C_SRC_BASE_MESSAGE_SOCKET_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"
#include "google/protobuf/message_lite.h"

namespace amdgpu {

// Longest message that ReceiveMessage accepts unless told otherwise.
inline constexpr std::uint32_t kMaxMessageBytes = std::uint32_t{256} << 20;

// Two connected ends, close-on-exec.
absl::StatusOr<std::pair<UniqueFd, UniqueFd>> CreateSocketPair();

// Sends the whole message, blocking. kUnavailable when the peer is gone. Never raises SIGPIPE.
absl::Status SendMessage(int fd, const google::protobuf::MessageLite& message);

// Receives one message, blocking until `deadline_ns` on the NowNs() clock. kUnavailable: the peer
// is gone; kDeadlineExceeded; kDataLoss: not a message, or longer than `max_bytes`. After an error
// the stream is of no further use.
absl::Status ReceiveMessage(int fd, google::protobuf::MessageLite* message,
                            std::optional<std::uint64_t> deadline_ns = std::nullopt,
                            std::uint32_t max_bytes = kMaxMessageBytes);

// One descriptor, with a byte to carry it.
absl::Status SendFd(int socket, int fd);
absl::StatusOr<UniqueFd> ReceiveFd(int socket);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_MESSAGE_SOCKET_H_
