// Messages of the Phoenix Channels protocol, version 2.0.0, as text and as bytes:
//   text    [join_ref, ref, topic, event, payload] as a JSON array
//   binary  a kind, the lengths of the four strings in a byte each, the strings, the payload
// Pure functions over bytes that come from anybody.

#ifndef AMDGPU_TELEMETRY_GATEWAY_CHANNEL_MESSAGE_H_
#define AMDGPU_TELEMETRY_GATEWAY_CHANNEL_MESSAGE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::gateway {

// Of each of the four strings: the binary form has one byte for a length.
inline constexpr std::size_t kMaxFieldBytes = 255;
// Brackets within brackets; more is not a message.
inline constexpr int kMaxJsonDepth = 32;

struct ChannelMessage {
  std::optional<std::string> join_ref;
  std::optional<std::string> ref;
  std::string topic;
  std::string event;
  std::string payload;  // JSON; any bytes if `binary`
  bool binary = false;
};

// kInvalidArgument, in words for whoever wrote the client.
absl::StatusOr<ChannelMessage> ParseText(absl::string_view text);
// A push as clients send it (with a ref).
absl::StatusOr<ChannelMessage> ParseBinary(absl::string_view bytes);

// `payload` must be JSON; the other fields may be any UTF-8.
std::string EncodeText(const ChannelMessage& message);

// What precedes the payload of a push to a client, so that many may share the payload: after a text
// payload comes kTextEnd, after a binary one nothing. Fields must be no longer than kMaxFieldBytes.
std::string TextPushHead(const std::optional<std::string>& join_ref, absl::string_view topic,
                         absl::string_view event);
std::string BinaryPushHead(const std::optional<std::string>& join_ref, absl::string_view topic,
                           absl::string_view event);
inline constexpr absl::string_view kTextEnd = "]";

// A JSON string with its quotes; bytes that are not UTF-8 are replaced.
std::string JsonString(absl::string_view text);

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_CHANNEL_MESSAGE_H_
