#include "telemetry/gateway/channel_message.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace amdgpu::gateway {
namespace {

using nlohmann::json;

constexpr std::uint8_t kPush = 0;

// Whether brackets go no deeper than kMaxJsonDepth: what recurses over a value relies on it.
bool Shallow(absl::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

absl::Status CheckLength(absl::string_view what, std::size_t bytes) {
  if (bytes <= kMaxFieldBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has ", bytes, " bytes; more than ", kMaxFieldBytes, " are not taken"));
}

absl::StatusOr<std::string> StringOf(const json& value, absl::string_view what) {
  if (!value.is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " must be a string"));
  }
  const auto& text = value.get_ref<const std::string&>();
  if (absl::Status status = CheckLength(what, text.size()); !status.ok()) return status;
  return text;
}

absl::StatusOr<std::optional<std::string>> ReferenceOf(const json& value, absl::string_view what) {
  if (value.is_null()) return std::nullopt;
  absl::StatusOr<std::string> text = StringOf(value, what);
  if (!text.ok()) return text.status();
  return std::optional<std::string>(*std::move(text));
}

std::string JsonReference(const std::optional<std::string>& reference) {
  return reference.has_value() ? JsonString(*reference) : "null";
}

}  // namespace

std::string JsonString(absl::string_view text) {
  return json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<ChannelMessage> ParseText(absl::string_view text) {
  if (!Shallow(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("brackets within brackets, more than ", kMaxJsonDepth, " deep"));
  }
  const json array = json::parse(text.begin(), text.end(), nullptr, false);
  if (array.is_discarded()) return absl::InvalidArgumentError("not JSON");
  if (!array.is_array() || array.size() != 5) {
    return absl::InvalidArgumentError("not an array [join_ref, ref, topic, event, payload]");
  }
  auto join_ref = ReferenceOf(array[0], "join_ref");
  if (!join_ref.ok()) return join_ref.status();
  auto ref = ReferenceOf(array[1], "ref");
  if (!ref.ok()) return ref.status();
  auto topic = StringOf(array[2], "topic");
  if (!topic.ok()) return topic.status();
  auto event = StringOf(array[3], "event");
  if (!event.ok()) return event.status();
  return ChannelMessage{*std::move(join_ref), *std::move(ref), *std::move(topic), *std::move(event),
                        array[4].dump()};
}

absl::StatusOr<ChannelMessage> ParseBinary(absl::string_view bytes) {
  constexpr std::size_t kHead = 5;
  if (bytes.size() < kHead) return absl::InvalidArgumentError("a binary message without a head");
  if (static_cast<std::uint8_t>(bytes[0]) != kPush) {
    return absl::InvalidArgumentError("a binary message that is not a push");
  }
  std::string fields[4];
  std::size_t at = kHead;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t length = static_cast<std::uint8_t>(bytes[1 + i]);
    if (length > bytes.size() - at) {
      return absl::InvalidArgumentError("a binary message that ends within its head");
    }
    fields[i] = std::string(bytes.substr(at, length));
    at += length;
  }
  ChannelMessage message;
  if (!fields[0].empty()) message.join_ref = std::move(fields[0]);
  if (!fields[1].empty()) message.ref = std::move(fields[1]);
  message.topic = std::move(fields[2]);
  message.event = std::move(fields[3]);
  message.payload = std::string(bytes.substr(at));
  message.binary = true;
  return message;
}

std::string EncodeText(const ChannelMessage& message) {
  return absl::StrCat("[", JsonReference(message.join_ref), ",", JsonReference(message.ref), ",",
                      JsonString(message.topic), ",", JsonString(message.event), ",",
                      message.payload, "]");
}

std::string TextPushHead(const std::optional<std::string>& join_ref, absl::string_view topic,
                         absl::string_view event) {
  return absl::StrCat("[", JsonReference(join_ref), ",null,", JsonString(topic), ",",
                      JsonString(event), ",");
}

std::string BinaryPushHead(const std::optional<std::string>& join_ref, absl::string_view topic,
                           absl::string_view event) {
  const std::string reference = join_ref.value_or("");
  std::string head = {static_cast<char>(kPush), static_cast<char>(reference.size()),
                      static_cast<char>(topic.size()), static_cast<char>(event.size())};
  absl::StrAppend(&head, reference, topic, event);
  return head;
}

}  // namespace amdgpu::gateway
