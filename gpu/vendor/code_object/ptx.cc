#include "gpu/vendor/code_object/ptx.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gpu/vendor/code_object/code_object.h"
#include "gpu/vendor/code_object/valid_text.h"

namespace amdgpu::code_object {
namespace {

constexpr std::size_t kMaxParameters = 4096;

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("bad PTX: ", what));
}

// Bytes of ".u32" and the like; 0 for what is no type.
std::uint32_t TypeBytes(absl::string_view type) {
  static constexpr std::pair<absl::string_view, std::uint32_t> kTypes[] = {
      {".b8", 1},  {".u8", 1},  {".s8", 1},  {".b16", 2},   {".u16", 2},  {".s16", 2},
      {".f16", 2}, {".b32", 4}, {".u32", 4}, {".s32", 4},   {".f32", 4},  {".b64", 8},
      {".u64", 8}, {".s64", 8}, {".f64", 8}, {".b128", 16}, {".bf16", 2}, {".f16x2", 4}};
  for (const auto& [name, bytes] : kTypes) {
    if (name == type) return bytes;
  }
  return 0;
}

std::vector<absl::string_view> Words(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
}

// A declared object: ".param .align 4 .b8 name[16]", ".global .u32 counter".
struct Declared {
  absl::string_view name;
  std::uint32_t alignment = 0;
  std::uint64_t bytes = 0;
};

bool ParseDeclaration(absl::string_view text, Declared* declared) {
  const std::vector<absl::string_view> words = Words(text);
  std::uint32_t element = 0;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == ".align" && !absl::SimpleAtoi(words[i + 1], &declared->alignment)) return false;
    if (const std::uint32_t bytes = TypeBytes(words[i]); bytes != 0) element = bytes;
  }
  if (words.empty() || element == 0) return false;
  declared->name = words.back();
  std::uint64_t count = 1;
  if (const std::size_t open = declared->name.find('['); open != absl::string_view::npos) {
    const absl::string_view length = absl::StripSuffix(declared->name.substr(open + 1), "]");
    if (!absl::SimpleAtoi(length, &count)) return false;  // also of ".extern .shared x[]"
    declared->name = declared->name.substr(0, open);
  }
  if (count == 0 || count > (std::uint64_t{1} << 40) / element) return false;
  declared->bytes = count * element;
  if (declared->alignment == 0) declared->alignment = element;
  return std::has_single_bit(declared->alignment) && declared->alignment <= 4096;
}

absl::Status AddParameters(absl::string_view list, proto::KernelInfo* kernel) {
  std::uint64_t offset = 0;
  for (absl::string_view text : absl::StrSplit(list, ',')) {
    if (absl::StripAsciiWhitespace(text).empty()) continue;
    Declared declared;
    if (!ParseDeclaration(text, &declared) || declared.bytes > kMaxArgsBytes ||
        kernel->params_size() >= static_cast<int>(kMaxParameters)) {
      return Bad("a parameter that is not understood");
    }
    offset = (offset + declared.alignment - 1) & ~std::uint64_t{declared.alignment - 1};
    proto::Param& param = *kernel->add_params();
    param.set_kind(proto::PARAM_OPAQUE);
    param.set_offset(static_cast<std::uint32_t>(offset));
    param.set_size(static_cast<std::uint32_t>(declared.bytes));
    param.set_alignment(std::min<std::uint32_t>(declared.alignment, 16));
    param.set_lanes(1);
    offset += declared.bytes;
    if (offset > kMaxArgsBytes) return Bad("parameters of an impossible size");
  }
  kernel->set_args_size(static_cast<std::uint32_t>(offset));
  return absl::OkStatus();
}

// ".maxntid 128, 1, 1" among the directives between parameters and body.
std::uint32_t MaxThreads(absl::string_view directives) {
  const std::size_t place = directives.find(".maxntid");
  if (place == absl::string_view::npos) return 0;
  std::uint64_t product = 1;
  std::string numbers(directives.substr(place + 8, 100));
  numbers.resize(std::min(numbers.size(), numbers.find_first_of(".\n{")));
  for (absl::string_view number : absl::StrSplit(numbers, ',')) {
    std::uint32_t threads;
    if (!absl::SimpleAtoi(number, &threads) || threads > 65536) return 0;
    product *= threads;
  }
  return product <= 65536 ? static_cast<std::uint32_t>(product) : 0;
}

// The kernel declared behind ".entry" in `text`.
absl::Status ReadEntry(absl::string_view text, proto::VendorCodeObject* object) {
  proto::KernelInfo& kernel = *object->add_kernels();
  const std::size_t end_of_head = text.find_first_of("{;");
  if (end_of_head == absl::string_view::npos) return Bad("a kernel without a body");
  const absl::string_view head = text.substr(0, end_of_head);
  const std::size_t open = head.find('(');
  const absl::string_view name = Words(head.substr(0, open)).empty()
                                     ? absl::string_view()
                                     : Words(head.substr(0, open)).front();
  if (name.empty()) return Bad("a kernel without a name");
  kernel.set_name(ValidText(name));
  kernel.set_symbol(kernel.name());
  if (open == absl::string_view::npos) return absl::OkStatus();
  const std::size_t close = head.find(')', open);
  if (close == absl::string_view::npos) return Bad("parameters without an end");
  kernel.set_max_threads_per_block(MaxThreads(head.substr(close)));
  return AddParameters(head.substr(open + 1, close - open - 1), &kernel);
}

void ReadVariable(absl::string_view line, proto::VendorCodeObject* object) {
  Declared declared;
  line = line.substr(0, line.find_first_of("=;"));
  if (!ParseDeclaration(line, &declared)) return;
  proto::GlobalInfo& global = *object->add_globals();
  global.set_name(ValidText(declared.name));
  global.set_symbol(global.name());
  global.set_size(declared.bytes);
}

}  // namespace

bool LooksLikePtx(absl::string_view image) {
  const absl::string_view start =
      absl::StripSuffix(image, absl::string_view("\0", 1)).substr(0, 4096);
  return !absl::StrContains(start, '\0') && absl::StrContains(start, ".version");
}

absl::StatusOr<proto::VendorCodeObject> ReadPtx(absl::string_view text) {
  proto::VendorCodeObject object;
  text = absl::StripSuffix(text, absl::string_view("\0", 1));
  for (std::size_t place = 0; place < text.size();) {
    const std::size_t end = std::min(text.find('\n', place), text.size());
    const absl::string_view line = absl::StripAsciiWhitespace(text.substr(place, end - place));
    if (absl::StartsWith(line, ".target")) {
      const std::vector<absl::string_view> words =
          absl::StrSplit(line.substr(7), absl::ByAnyChar(" \t,"), absl::SkipEmpty());
      if (!words.empty()) object.set_target(ValidText(words.front()));
    } else if (const std::size_t entry = line.find(".entry");
               entry != absl::string_view::npos && !absl::StartsWith(line, "//")) {
      const std::size_t at = text.find(".entry", place) + 6;
      if (absl::Status status = ReadEntry(text.substr(at), &object); !status.ok()) return status;
    } else if (absl::StrContains(line, ".global ") || absl::StrContains(line, ".const ")) {
      if (absl::StartsWith(line, ".")) ReadVariable(line, &object);
    }
    place = end + 1;
  }
  return object;
}

}  // namespace amdgpu::code_object
