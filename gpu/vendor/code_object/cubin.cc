#include "gpu/vendor/code_object/cubin.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gpu/vendor/code_object/byte_reader.h"
#include "gpu/vendor/code_object/code_object.h"
#include "gpu/vendor/code_object/valid_text.h"

namespace amdgpu::code_object {
namespace {

// How an attribute's value is stored.
enum Format : std::uint8_t { kNoValue = 1, kByte = 2, kHalf = 3, kSized = 4 };

// The attributes that are read.
enum Attribute : std::uint8_t {
  kMaxThreads = 0x05,  // u32 x, y, z
  kFrameSize = 0x11,   // u32 symbol, u32 bytes
  kParameter = 0x17,   // u32 index, u16 ordinal, u16 offset, u32 flags with the size above bit 18
  kArgumentBytes = 0x19,  // in the attribute's own value
  kRegisters = 0x2f,      // u32 symbol, u32 count
  kLongParameter = 0x45,  // u32 index, u16 ordinal, u16 offset, u32 size
};

constexpr std::size_t kMaxParameters = 4096;
// Of shared memory, what the system keeps for itself from sm_90 on and counts as the kernel's.
constexpr std::uint64_t kReservedSharedBytes = 1024;

struct AttributeValue {
  std::uint8_t attribute = 0;
  std::uint16_t value = 0;    // of formats without a payload
  absl::string_view payload;  // of kSized
};

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("bad cubin: ", what));
}

// Reads the attribute at `*place` and moves behind it; false at the end or at nonsense.
bool NextAttribute(absl::string_view info, std::uint64_t* place, AttributeValue* attribute) {
  std::uint8_t format;
  if (!ReadAt(info, *place, &format) || !ReadAt(info, *place + 1, &attribute->attribute) ||
      !ReadAt(info, *place + 2, &attribute->value)) {
    return false;
  }
  *place += 4;
  attribute->payload = "";
  if (format < kNoValue || format > kSized) return false;
  if (format != kSized) return true;
  if (!SliceAt(info, *place, attribute->value, &attribute->payload)) return false;
  *place += attribute->value;
  return true;
}

absl::Status AddParameter(const AttributeValue& attribute,
                          std::map<std::uint16_t, proto::Param>* parameters) {
  std::uint16_t ordinal;
  std::uint16_t offset;
  std::uint32_t size;
  if (!ReadAt(attribute.payload, 4, &ordinal) || !ReadAt(attribute.payload, 6, &offset) ||
      !ReadAt(attribute.payload, 8, &size)) {
    return Bad("a parameter is cut off");
  }
  if (attribute.attribute == kParameter) size >>= 18;
  if (size == 0 || size > kMaxArgsBytes || ordinal >= kMaxParameters) {
    return Bad("a parameter of an impossible size");
  }
  proto::Param& param = (*parameters)[ordinal];
  param.set_kind(proto::PARAM_OPAQUE);
  param.set_offset(offset);
  param.set_size(size);
  param.set_alignment(LikelyAlignment(offset, size));
  param.set_lanes(1);
  return absl::OkStatus();
}

absl::Status ReadKernelInfo(absl::string_view info, proto::KernelInfo* kernel) {
  std::map<std::uint16_t, proto::Param> parameters;
  std::uint64_t place = 0;
  AttributeValue attribute;
  while (NextAttribute(info, &place, &attribute)) {
    switch (attribute.attribute) {
      case kParameter:
      case kLongParameter:
        if (absl::Status added = AddParameter(attribute, &parameters); !added.ok()) return added;
        break;
      case kArgumentBytes:
        kernel->set_args_size(attribute.value);
        break;
      case kMaxThreads: {
        std::uint32_t threads[3];
        if (ReadAt(attribute.payload, 0, &threads)) {
          const std::uint64_t product = std::uint64_t{threads[0]} * threads[1] * threads[2];
          kernel->set_max_threads_per_block(static_cast<std::uint32_t>(product));
        }
        break;
      }
      default:
        break;
    }
  }
  std::uint16_t expected = 0;
  for (auto& [ordinal, param] : parameters) {
    if (ordinal != expected++) return Bad("a parameter is missing");
    kernel->set_args_size(std::max(kernel->args_size(), param.offset() + param.size()));
    *kernel->add_params() = std::move(param);
  }
  return absl::OkStatus();
}

// What the section for the whole module says of the function whose symbol has this index.
struct FunctionFacts {
  std::uint32_t registers = 0;
  std::uint32_t frame_bytes = 0;
};

std::map<std::uint32_t, FunctionFacts> ReadFunctionFacts(const ElfFile& file) {
  std::map<std::uint32_t, FunctionFacts> facts;
  const ElfSection* info = file.FindSection(".nv.info");
  if (info == nullptr) return facts;
  std::uint64_t place = 0;
  AttributeValue attribute;
  while (NextAttribute(info->contents, &place, &attribute)) {
    std::uint32_t symbol;
    std::uint32_t value;
    if (!ReadAt(attribute.payload, 0, &symbol) || !ReadAt(attribute.payload, 4, &value)) continue;
    if (attribute.attribute == kRegisters) facts[symbol].registers = value;
    if (attribute.attribute == kFrameSize) facts[symbol].frame_bytes = value;
  }
  return facts;
}

std::uint32_t StaticSharedBytes(const ElfFile& file, absl::string_view kernel) {
  const ElfSection* shared = file.FindSection(absl::StrCat(".nv.shared.", kernel));
  if (shared == nullptr) return 0;
  std::uint64_t bytes = shared->size;
  if (file.FindSection(".nv.shared.reserved.0") != nullptr) {
    bytes -= std::min(bytes, kReservedSharedBytes);
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, UINT32_MAX));
}

void ReadGlobals(const ElfFile& file, proto::VendorCodeObject* object) {
  for (const ElfSymbol& symbol : file.symbols) {
    if (symbol.type != STT_OBJECT || symbol.size == 0 || symbol.section >= file.sections.size()) {
      continue;
    }
    const absl::string_view section = file.sections[symbol.section].name;
    // Constants of the user; the others are the compiler's own.
    if (!absl::StartsWith(section, ".nv.global") && section != ".nv.constant3") continue;
    proto::GlobalInfo& global = *object->add_globals();
    global.set_name(ValidText(symbol.name));
    global.set_symbol(global.name());
    global.set_size(symbol.size);
  }
}

}  // namespace

absl::StatusOr<proto::VendorCodeObject> ReadCubin(const ElfFile& file) {
  proto::VendorCodeObject object;
  const std::map<std::uint32_t, FunctionFacts> facts = ReadFunctionFacts(file);
  for (std::size_t i = 0; i < file.symbols.size(); ++i) {
    const ElfSymbol& symbol = file.symbols[i];
    if (symbol.type != STT_FUNC || !symbol.global || symbol.name.empty()) continue;
    // Functions that are no kernels have no parameters in constant memory.
    if (file.FindSection(absl::StrCat(".nv.constant0.", symbol.name)) == nullptr) continue;
    proto::KernelInfo kernel;
    kernel.set_name(ValidText(symbol.name));
    kernel.set_symbol(kernel.name());
    const ElfSection* info = file.FindSection(absl::StrCat(".nv.info.", symbol.name));
    if (info == nullptr) return Bad("a kernel without information");
    if (absl::Status read = ReadKernelInfo(info->contents, &kernel); !read.ok()) return read;
    if (const auto found = facts.find(static_cast<std::uint32_t>(i)); found != facts.end()) {
      kernel.set_registers(found->second.registers);
      kernel.set_private_bytes(found->second.frame_bytes);
    }
    kernel.set_static_shared_bytes(StaticSharedBytes(file, symbol.name));
    *object.add_kernels() = std::move(kernel);
  }
  ReadGlobals(file, &object);
  return object;
}

}  // namespace amdgpu::code_object
