// A frame as JSON, with the names of proto/telemetry.proto.

#ifndef AMDGPU_TELEMETRY_FRAME_JSON_H_
#define AMDGPU_TELEMETRY_FRAME_JSON_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

// As protobuf maps it: 64-bit numbers are strings, what has its default is not there.
std::string FrameJson(const proto::Frame& frame);

// Of an encoded frame, what belongs to `topics` (prune.h). kInvalidArgument if it is none.
absl::StatusOr<std::string> EncodedFrameJson(absl::string_view bytes, std::uint32_t topics);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_FRAME_JSON_H_
