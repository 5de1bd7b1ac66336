// Sending an open file descriptor to another process over a Unix socket.

#ifndef AMDGPU_C_SRC_BASE_FD_PASSING_H_
#define AMDGPU_C_SRC_BASE_FD_PASSING_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {

// A connected pair of Unix sockets, both close-on-exec. `type`: SOCK_STREAM or SOCK_SEQPACKET, with
// SOCK_NONBLOCK or not.
absl::StatusOr<std::pair<UniqueFd, UniqueFd>> SocketPair(int type);

// Sends one byte with a copy of `fd` attached; `fd` stays the caller's. kUnavailable: the socket is
// non-blocking and full.
absl::Status SendFd(int socket, int fd);

// Receives what SendFd sent; the descriptor is close-on-exec. kOutOfRange: the peer has closed.
// kUnavailable: nothing is there now. kResourceExhausted: a message came, but we have no descriptor
// left for what was attached.
absl::StatusOr<UniqueFd> ReceiveFd(int socket);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_FD_PASSING_H_
