// One frame in every form that somebody asked for, each made once, when the first asks.

#ifndef AMDGPU_TELEMETRY_GATEWAY_ENCODED_FRAME_H_
#define AMDGPU_TELEMETRY_GATEWAY_ENCODED_FRAME_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proto/telemetry.pb.h"
#include "telemetry/gateway/channel.h"

namespace amdgpu::gateway {

using Bytes = std::shared_ptr<const std::string>;

// One thread at a time; the bytes that it gives away may be kept anywhere.
class EncodedFrame {
 public:
  // More launches than these in one `kernel_launched` are only counted.
  static constexpr int kMaxLaunchesTold = 32;

  // `bytes` that are no Frame are an empty one.
  explicit EncodedFrame(std::string bytes);

  const proto::Frame& frame() const { return frame_; }
  // The whole frame, or what of it belongs to the topics.
  Bytes Payload(Encoding encoding, std::uint32_t topics);
  // The payload of `kernel_launched`, JSON: {"sequence", "count", "launches": [...]}; null if
  // nothing was launched.
  Bytes Launches();
  // The payloads of `device_lost`, JSON: {"device", "time_ns", "message"}, one for each.
  std::vector<std::string> DevicesLost() const;

 private:
  proto::Frame frame_;
  Bytes protobuf_[telemetry::kAllTopics + 1];
  Bytes json_[telemetry::kAllTopics + 1];
  Bytes launches_;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_ENCODED_FRAME_H_
