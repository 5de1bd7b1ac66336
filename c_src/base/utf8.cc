#include "c_src/base/utf8.h"

namespace amdgpu {
namespace {

// The length of the character that starts at text[at]; 0 when it is not valid.
std::size_t CharacterBytes(absl::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  // Overlong forms, surrogates and values above U+10FFFF narrow the range of the second byte.
  unsigned char low = 0x80, high = 0xBF;
  std::size_t length;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() - at < length) return 0;
  if (byte(at + 1) < low || byte(at + 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::size_t ValidUtf8Prefix(absl::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = CharacterBytes(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::string MakeValidUtf8(absl::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t prefix = ValidUtf8Prefix(text);
    valid.append(text.data(), prefix);
    text.remove_prefix(prefix);
    if (!text.empty()) {
      valid.push_back('?');
      text.remove_prefix(1);
    }
  }
  return valid;
}

}  // namespace amdgpu
