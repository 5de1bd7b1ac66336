#include "telemetry/frame_json.h"

#include <google/protobuf/util/json_util.h>

#include "absl/status/status.h"
#include "telemetry/prune.h"

namespace amdgpu::telemetry {

std::string FrameJson(const proto::Frame& frame) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(frame, &json, options).ok()) return "{}";
  return json;
}

absl::StatusOr<std::string> EncodedFrameJson(absl::string_view bytes, std::uint32_t topics) {
  proto::Frame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not a frame");
  }
  PruneFrame(topics, &frame);
  return FrameJson(frame);
}

}  // namespace amdgpu::telemetry
