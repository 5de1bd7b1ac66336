// The conversation with one client: what it joined, and what it is answered. No sockets.
//
// There is one topic, "gpu:telemetry". A join's payload, all of it optional:
//   {"rate": 60, "encoding": "protobuf" | "json", "topics": ["devices", "kernels", "memory"]}
// Where there is a recorder the reply to a join has its state, and who joined may send
//   record {"active": true | false}

#ifndef AMDGPU_TELEMETRY_GATEWAY_CHANNEL_H_
#define AMDGPU_TELEMETRY_GATEWAY_CHANNEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "telemetry/gateway/channel_message.h"
#include "telemetry/prune.h"

namespace amdgpu::gateway {

inline constexpr absl::string_view kTelemetryTopic = "gpu:telemetry";

enum class Encoding { kProtobuf, kJson };

struct Subscription {
  double rate_hz = 60;
  Encoding encoding = Encoding::kProtobuf;
  std::uint32_t topics = telemetry::kAllTopics;
};

// Of a join's payload. kInvalidArgument names the field and what it may be.
absl::StatusOr<Subscription> ParseSubscription(absl::string_view payload);

// Which frames a subscription gets: no more than its rate, evenly.
class Pace {
 public:
  explicit Pace(double rate_hz) : period_ns_(static_cast<std::uint64_t>(1e9 / rate_hz)) {}
  // Of a frame made at `time_ns`, `interval_ns` after the one before; true: it is to be sent.
  bool Due(std::uint64_t time_ns, std::uint64_t interval_ns);

 private:
  std::uint64_t period_ns_;
  std::uint64_t next_ns_ = 0;
};

// A recorder that clients may turn on and off.
class RecordSwitch {
 public:
  virtual ~RecordSwitch() = default;
  virtual absl::Status Set(bool active) = 0;
  // JSON: {"active", "bytes": on disk, "message": why it ended by itself}
  virtual std::string State() const = 0;
};

// One thread at a time.
class Channel {
 public:
  // `recorder` outlives it; null: there is none.
  explicit Channel(RecordSwitch* recorder = nullptr) : recorder_(recorder) {}

  // The answers to a message, in order, as text. A join that succeeds replaces the one before.
  std::vector<std::string> Handle(const ChannelMessage& message);

  // Null unless joined.
  const Subscription* subscription() const { return joined_ ? &subscription_ : nullptr; }
  const std::optional<std::string>& join_ref() const { return join_ref_; }
  // Grows with every join and leave: what belongs to an older one is not sent any more.
  std::uint64_t generation() const { return generation_; }

 private:
  std::vector<std::string> Join(const ChannelMessage& message);
  std::string Record(const ChannelMessage& message);
  std::string Close() const;

  RecordSwitch* const recorder_;
  bool joined_ = false;
  std::optional<std::string> join_ref_;
  Subscription subscription_;
  std::uint64_t generation_ = 0;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_CHANNEL_H_
