#include "telemetry/text.h"

#include <cstdint>

namespace amdgpu::telemetry {
namespace {

// Bytes of the character that `text` begins with; 0 if it begins with none.
std::size_t CharacterBytes(absl::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t bytes = first >= 0xf0 ? 4 : (first >= 0xe0 ? 3 : 2);
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Too long for what they say, halves of UTF-16 pairs, beyond the last character.
  const bool wrong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                     (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
  return wrong ? 0 : bytes;
}

}  // namespace

std::string ToUtf8(absl::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = CharacterBytes(text);
    if (bytes == 0) {
      result += '?';
      text.remove_prefix(1);
    } else {
      result.append(text.data(), bytes);
      text.remove_prefix(bytes);
    }
  }
  return result;
}

}  // namespace amdgpu::telemetry
