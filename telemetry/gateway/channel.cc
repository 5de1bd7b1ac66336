#include "telemetry/gateway/channel.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace amdgpu::gateway {
namespace {

using nlohmann::json;

constexpr double kMaxRateHz = 1000;
constexpr double kMinRateHz = 0.1;

std::string Reply(const ChannelMessage& to, absl::string_view status, absl::string_view response) {
  return EncodeText(
      {.join_ref = to.join_ref,
       .ref = to.ref,
       .topic = to.topic,
       .event = "phx_reply",
       .payload = absl::StrCat(R"({"status":")", status, R"(","response":)", response, "}")});
}

std::string ErrorReply(const ChannelMessage& to, absl::string_view reason) {
  return Reply(to, "error", absl::StrCat(R"({"reason":)", JsonString(reason), "}"));
}

absl::StatusOr<std::uint32_t> TopicsOf(const json& value) {
  const absl::Status wrong = absl::InvalidArgumentError(
      R"(topics must be a list of "devices", "kernels", "memory", and not empty)");
  if (!value.is_array() || value.empty()) return wrong;
  std::uint32_t topics = 0;
  for (const json& topic : value) {
    if (topic == "devices") {
      topics |= telemetry::kTopicDevices;
    } else if (topic == "kernels") {
      topics |= telemetry::kTopicKernels;
    } else if (topic == "memory") {
      topics |= telemetry::kTopicMemory;
    } else {
      return wrong;
    }
  }
  return topics;
}

}  // namespace

absl::StatusOr<Subscription> ParseSubscription(absl::string_view payload) {
  const json object = json::parse(payload.begin(), payload.end(), nullptr, false);
  if (!object.is_object()) return absl::InvalidArgumentError("the payload must be an object");
  Subscription subscription;
  for (const auto& [name, value] : object.items()) {
    if (name == "rate") {
      if (!value.is_number() || !(value.get<double>() >= kMinRateHz) ||
          !(value.get<double>() <= kMaxRateHz)) {
        return absl::InvalidArgumentError(absl::StrCat("rate must be a number of frames a second, ",
                                                       kMinRateHz, " to ", kMaxRateHz));
      }
      subscription.rate_hz = value.get<double>();
    } else if (name == "encoding") {
      if (value == "protobuf") {
        subscription.encoding = Encoding::kProtobuf;
      } else if (value == "json") {
        subscription.encoding = Encoding::kJson;
      } else {
        return absl::InvalidArgumentError(R"(encoding must be "protobuf" or "json")");
      }
    } else if (name == "topics") {
      const absl::StatusOr<std::uint32_t> topics = TopicsOf(value);
      if (!topics.ok()) return topics.status();
      subscription.topics = *topics;
    }
  }
  return subscription;
}

bool Pace::Due(std::uint64_t time_ns, std::uint64_t interval_ns) {
  // A frame that comes a little early is better than one that comes a whole interval late.
  const std::uint64_t tolerance = std::min(interval_ns, period_ns_) / 2;
  if (time_ns + tolerance < next_ns_ && next_ns_ - time_ns <= 2 * period_ns_) return false;
  const bool in_step =
      next_ns_ != 0 && time_ns < next_ns_ + period_ns_ && next_ns_ < time_ns + period_ns_;
  next_ns_ = (in_step ? next_ns_ : time_ns) + period_ns_;
  return true;
}

std::vector<std::string> Channel::Handle(const ChannelMessage& message) {
  if (message.topic == "phoenix") {
    if (message.event == "heartbeat") return {Reply(message, "ok", "{}")};
    return {ErrorReply(message, "unmatched topic")};
  }
  if (message.topic != kTelemetryTopic) return {ErrorReply(message, "unmatched topic")};
  if (message.event == "phx_join") return Join(message);
  if (message.event == "phx_leave") {
    // One who left already is told the same: it may have raced with a close.
    if (!joined_) return {Reply(message, "ok", "{}")};
    joined_ = false;
    ++generation_;
    return {Reply(message, "ok", "{}"), Close()};
  }
  if (!joined_) return {ErrorReply(message, "unmatched topic")};
  if (message.event == "record" && recorder_ != nullptr) return {Record(message)};
  return {ErrorReply(message, "unknown event")};
}

std::string Channel::Record(const ChannelMessage& message) {
  const json payload =
      message.binary ? json()
                     : json::parse(message.payload.begin(), message.payload.end(), nullptr, false);
  const auto active = payload.is_object() ? payload.find("active") : payload.end();
  if (active == payload.end() || !active->is_boolean()) {
    return ErrorReply(message, "active must be true or false");
  }
  if (const absl::Status status = recorder_->Set(active->get<bool>()); !status.ok()) {
    return ErrorReply(message, status.message());
  }
  return Reply(message, "ok", recorder_->State());
}

std::vector<std::string> Channel::Join(const ChannelMessage& message) {
  std::vector<std::string> answers;
  if (joined_) {
    answers.push_back(Close());
    joined_ = false;
    ++generation_;
  }
  if (message.binary) {
    answers.push_back(ErrorReply(message, "a join is text"));
    return answers;
  }
  const absl::StatusOr<Subscription> subscription = ParseSubscription(message.payload);
  if (!subscription.ok()) {
    answers.push_back(ErrorReply(message, subscription.status().message()));
    return answers;
  }
  subscription_ = *subscription;
  joined_ = true;
  join_ref_ = message.join_ref;
  ++generation_;
  answers.push_back(Reply(
      message, "ok",
      absl::StrCat(R"({"rate":)", subscription_.rate_hz, R"(,"encoding":")",
                   subscription_.encoding == Encoding::kJson ? "json" : "protobuf", R"(")",
                   recorder_ == nullptr ? "" : absl::StrCat(R"(,"recording":)", recorder_->State()),
                   "}")));
  return answers;
}

std::string Channel::Close() const {
  return EncodeText({.join_ref = join_ref_,
                     .ref = join_ref_,
                     .topic = std::string(kTelemetryTopic),
                     .event = "phx_close",
                     .payload = "{}"});
}

}  // namespace amdgpu::gateway
