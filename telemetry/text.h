// Texts for frames: protobuf takes UTF-8 only, and a frame that cannot be read is worse than a name
// with a question mark in it.

#ifndef AMDGPU_TELEMETRY_TEXT_H_
#define AMDGPU_TELEMETRY_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace amdgpu::telemetry {

// `text` with '?' for every byte that is not part of a character.
std::string ToUtf8(absl::string_view text);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_TEXT_H_
