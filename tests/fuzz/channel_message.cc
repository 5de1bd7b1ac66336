// What clients of the gateway send. The first byte says whether the rest is a text or a binary
// message; a message that is read is answered, and what it is written as is read as the same.

#include "telemetry/gateway/channel_message.h"

#include "telemetry/gateway/channel.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace gateway = amdgpu::gateway;
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool text = data[0] % 2 == 0;
  const auto message = text ? gateway::ParseText(bytes) : gateway::ParseBinary(bytes);
  if (!message.ok()) return 0;
  gateway::Channel channel;
  for (const std::string& answer : channel.Handle(*message)) {
    // Binary messages may name what is not UTF-8; answers are text all the same.
    const auto read = gateway::ParseText(answer);
    if (text && !read.ok()) __builtin_trap();
  }
  if (text) {
    const auto again = gateway::ParseText(gateway::EncodeText(*message));
    if (!again.ok() || again->join_ref != message->join_ref || again->ref != message->ref ||
        again->topic != message->topic || again->event != message->event ||
        again->payload != message->payload) {
      __builtin_trap();
    }
  }
  return 0;
}
