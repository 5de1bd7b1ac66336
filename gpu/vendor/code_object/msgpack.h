// MessagePack, as far as AMD's code objects use it (and all of it but extensions): bytes that are
// not trusted into a tree.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_MSGPACK_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_MSGPACK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::code_object {

struct MsgPack {
  enum class Kind { kNil, kBool, kUnsigned, kNegative, kFloat, kString, kArray, kMap };

  Kind kind = Kind::kNil;
  std::uint64_t number = 0;  // of kBool, kUnsigned; of kNegative its two's complement
  double real = 0;
  absl::string_view text;               // also of binary data
  std::vector<MsgPack> elements;        // of an array, or the values of a map
  std::vector<absl::string_view> keys;  // of a map, one for each value; those that are no texts go

  // The entry of this key, or null; null as well if this is no map.
  const MsgPack* Find(absl::string_view key) const;
  // Values of entries, if they are there and of this kind.
  std::optional<std::uint64_t> Unsigned(absl::string_view key) const;
  std::optional<absl::string_view> Text(absl::string_view key) const;
};

// One value and nothing behind it. The texts point into `bytes`. kInvalidArgument: not MessagePack,
// nested deeper than 32, or of more than a million values.
absl::StatusOr<MsgPack> ParseMsgPack(absl::string_view bytes);

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_MSGPACK_H_
