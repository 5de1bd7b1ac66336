#include "gpu/vendor/code_object/msgpack.h"

#include <bit>
#include <utility>

#include "absl/status/status.h"

namespace amdgpu::code_object {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxValues = 1'000'000;

class Parser {
 public:
  explicit Parser(absl::string_view bytes) : rest_(bytes) {}

  bool Parse(MsgPack* value, int depth);
  bool at_end() const { return rest_.empty(); }

 private:
  using Kind = MsgPack::Kind;

  // A big-endian number of `size` bytes.
  bool Number(std::size_t size, std::uint64_t* number);
  bool Unsigned(std::size_t size, MsgPack* value);
  bool Signed(std::size_t size, MsgPack* value);
  bool Float(std::size_t size, MsgPack* value);
  bool Text(std::uint64_t size, MsgPack* value);
  bool SizedText(std::size_t size_bytes, MsgPack* value);
  bool Array(std::uint64_t count, MsgPack* value, int depth);
  bool Map(std::uint64_t count, MsgPack* value, int depth);

  absl::string_view rest_;
  std::size_t values_ = 0;
};

bool Parser::Number(std::size_t size, std::uint64_t* number) {
  if (rest_.size() < size) return false;
  *number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    *number = *number << 8 | static_cast<std::uint8_t>(rest_[i]);
  }
  rest_.remove_prefix(size);
  return true;
}

bool Parser::Unsigned(std::size_t size, MsgPack* value) {
  value->kind = Kind::kUnsigned;
  return Number(size, &value->number);
}

bool Parser::Signed(std::size_t size, MsgPack* value) {
  if (!Number(size, &value->number)) return false;
  const std::size_t unused = 64 - 8 * size;
  const auto number = static_cast<std::int64_t>(value->number << unused) >> unused;
  value->kind = number < 0 ? Kind::kNegative : Kind::kUnsigned;
  value->number = static_cast<std::uint64_t>(number);
  return true;
}

bool Parser::Float(std::size_t size, MsgPack* value) {
  std::uint64_t bits;
  if (!Number(size, &bits)) return false;
  value->kind = Kind::kFloat;
  value->real = size == 4 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                          : std::bit_cast<double>(bits);
  return true;
}

bool Parser::Text(std::uint64_t size, MsgPack* value) {
  if (rest_.size() < size) return false;
  value->kind = Kind::kString;
  value->text = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool Parser::SizedText(std::size_t size_bytes, MsgPack* value) {
  std::uint64_t size;
  return Number(size_bytes, &size) && Text(size, value);
}

bool Parser::Array(std::uint64_t count, MsgPack* value, int depth) {
  value->kind = Kind::kArray;
  if (count > rest_.size()) return false;  // each takes a byte at least
  value->elements.resize(count);
  for (MsgPack& element : value->elements) {
    if (!Parse(&element, depth + 1)) return false;
  }
  return true;
}

bool Parser::Map(std::uint64_t count, MsgPack* value, int depth) {
  value->kind = Kind::kMap;
  if (count > rest_.size() / 2) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    MsgPack key;
    MsgPack entry;
    if (!Parse(&key, depth + 1) || !Parse(&entry, depth + 1)) return false;
    if (key.kind != Kind::kString) continue;
    value->keys.push_back(key.text);
    value->elements.push_back(std::move(entry));
  }
  return true;
}

bool Parser::Parse(MsgPack* value, int depth) {
  std::uint64_t lead;
  if (depth > kMaxDepth || ++values_ > kMaxValues || !Number(1, &lead)) return false;
  if (lead < 0x80 || lead >= 0xe0) {  // a small number
    value->kind = lead < 0x80 ? Kind::kUnsigned : Kind::kNegative;
    value->number = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(lead)});
    return true;
  }
  if (lead < 0x90) return Map(lead & 0xf, value, depth);
  if (lead < 0xa0) return Array(lead & 0xf, value, depth);
  if (lead < 0xc0) return Text(lead & 0x1f, value);
  switch (lead) {
    case 0xc0:
      return true;
    case 0xc2:
    case 0xc3:
      value->kind = Kind::kBool;
      value->number = lead & 1;
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return SizedText(std::size_t{1} << (lead - 0xc4), value);
    case 0xca:
    case 0xcb:
      return Float(lead == 0xca ? 4 : 8, value);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return Unsigned(std::size_t{1} << (lead - 0xcc), value);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return Signed(std::size_t{1} << (lead - 0xd0), value);
    case 0xd9:
    case 0xda:
    case 0xdb:
      return SizedText(std::size_t{1} << (lead - 0xd9), value);
    case 0xdc:
    case 0xdd: {
      std::uint64_t count;
      return Number(lead == 0xdc ? 2 : 4, &count) && Array(count, value, depth);
    }
    case 0xde:
    case 0xdf: {
      std::uint64_t count;
      return Number(lead == 0xde ? 2 : 4, &count) && Map(count, value, depth);
    }
    default:  // extensions, and the byte that is never used
      return false;
  }
}

}  // namespace

const MsgPack* MsgPack::Find(absl::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return &elements[i];
  }
  return nullptr;
}

std::optional<std::uint64_t> MsgPack::Unsigned(absl::string_view key) const {
  const MsgPack* value = Find(key);
  if (value == nullptr || value->kind != Kind::kUnsigned) return std::nullopt;
  return value->number;
}

std::optional<absl::string_view> MsgPack::Text(absl::string_view key) const {
  const MsgPack* value = Find(key);
  if (value == nullptr || value->kind != Kind::kString) return std::nullopt;
  return value->text;
}

absl::StatusOr<MsgPack> ParseMsgPack(absl::string_view bytes) {
  Parser parser(bytes);
  MsgPack value;
  if (!parser.Parse(&value, 0) || !parser.at_end()) {
    return absl::InvalidArgumentError("not a code object's metadata: bad MessagePack");
  }
  return value;
}

}  // namespace amdgpu::code_object
