// Messages on a stream socket: a length of four bytes, little endian, and so many bytes.

#ifndef AMDGPU_GPU_HOST_COMPILER_FRAME_H_
#define AMDGPU_GPU_HOST_COMPILER_FRAME_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::hostcc {

// Blocks until a whole message is there. kUnavailable when the peer has closed, kResourceExhausted
// for one of more than `limit` bytes (nothing of it is read).
absl::StatusOr<std::string> ReadFrame(int fd, std::uint32_t limit);

// Blocks until the whole message is written. kUnavailable when the peer has closed; no SIGPIPE.
absl::Status WriteFrame(int fd, absl::string_view message);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_FRAME_H_
