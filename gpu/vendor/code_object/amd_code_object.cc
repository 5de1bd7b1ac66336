#include "gpu/vendor/code_object/amd_code_object.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gpu/vendor/code_object/byte_reader.h"
#include "gpu/vendor/code_object/code_object.h"
#include "gpu/vendor/code_object/msgpack.h"
#include "gpu/vendor/code_object/valid_text.h"

namespace amdgpu::code_object {
namespace {

constexpr std::uint32_t kMetadataNote = 32;  // NT_AMDGPU_METADATA
constexpr absl::string_view kTriple = "amdgcn-amd-amdhsa-";

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("bad AMD code object: ", what));
}

std::uint64_t AlignUp4(std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; }

// The contents of the metadata note; empty if there is none.
absl::string_view FindMetadata(const ElfFile& file) {
  for (const ElfSection& section : file.sections) {
    if (section.type != SHT_NOTE) continue;
    std::uint64_t place = 0;
    Elf64_Nhdr note;
    while (ReadAt(section.contents, place, &note)) {
      absl::string_view name;
      absl::string_view contents;
      const std::uint64_t at = place + sizeof(note);
      if (!SliceAt(section.contents, at, note.n_namesz, &name) ||
          !SliceAt(section.contents, at + AlignUp4(note.n_namesz), note.n_descsz, &contents)) {
        break;
      }
      if (note.n_type == kMetadataNote &&
          absl::StripSuffix(name, absl::string_view("\0", 1)) == "AMDGPU") {
        return contents;
      }
      place = at + AlignUp4(note.n_namesz) + AlignUp4(note.n_descsz);
    }
  }
  return "";
}

// Counts and sizes that metadata leaves out, or exaggerates, are 0.
std::uint32_t Number(const MsgPack& map, absl::string_view key) {
  const std::uint64_t value = map.Unsigned(key).value_or(0);
  return value <= std::numeric_limits<std::uint32_t>::max() ? static_cast<std::uint32_t>(value) : 0;
}

absl::Status ReadArgument(const MsgPack& argument, proto::KernelInfo* kernel) {
  const absl::string_view kind = argument.Text(".value_kind").value_or("");
  if (absl::StartsWith(kind, "hidden_")) return absl::OkStatus();  // the runtime's own
  const auto offset = argument.Unsigned(".offset");
  const auto size = argument.Unsigned(".size");
  if (!offset || !size || *size == 0 || *offset > kMaxArgsBytes || *size > kMaxArgsBytes) {
    return Bad("an argument without a place");
  }
  proto::Param& param = *kernel->add_params();
  if (kind == "global_buffer" && *size == 8) {
    param.set_kind(proto::PARAM_POINTER);
  } else if (kind == "by_value") {
    param.set_kind(proto::PARAM_OPAQUE);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel ", kernel->name(), " takes an argument ",
                     "of a kind that cannot be given: ", ValidText(kind)));
  }
  param.set_name(ValidText(argument.Text(".name").value_or("")));
  param.set_type(ValidText(argument.Text(".type_name").value_or("")));
  param.set_offset(static_cast<std::uint32_t>(*offset));
  param.set_size(static_cast<std::uint32_t>(*size));
  param.set_alignment(LikelyAlignment(param.offset(), param.size()));
  param.set_lanes(1);
  // Said of what the compiler found to be only read, through no other pointer either.
  param.set_read_only(argument.Text(".actual_access").value_or("") == "read_only" ||
                      argument.Text(".access").value_or("") == "read_only");
  kernel->set_args_size(std::max(kernel->args_size(), static_cast<std::uint32_t>(*offset + *size)));
  return absl::OkStatus();
}

absl::Status ReadKernel(const MsgPack& metadata, proto::KernelInfo* kernel) {
  const absl::string_view name = metadata.Text(".name").value_or("");
  if (name.empty()) return Bad("a kernel without a name");
  kernel->set_name(ValidText(name));
  kernel->set_symbol(kernel->name());
  if (const MsgPack* arguments = metadata.Find(".args"); arguments != nullptr) {
    for (const MsgPack& argument : arguments->elements) {
      if (absl::Status status = ReadArgument(argument, kernel); !status.ok()) return status;
    }
  }
  kernel->set_static_shared_bytes(Number(metadata, ".group_segment_fixed_size"));
  kernel->set_max_threads_per_block(Number(metadata, ".max_flat_workgroup_size"));
  kernel->set_registers(Number(metadata, ".vgpr_count"));
  kernel->set_scalar_registers(Number(metadata, ".sgpr_count"));
  kernel->set_spilled_registers(Number(metadata, ".vgpr_spill_count"));
  kernel->set_private_bytes(Number(metadata, ".private_segment_fixed_size"));
  kernel->set_wave_size(Number(metadata, ".wavefront_size"));
  return absl::OkStatus();
}

void ReadGlobals(const ElfFile& file, proto::VendorCodeObject* object) {
  for (const ElfSymbol& symbol : file.symbols) {
    if (symbol.type != STT_OBJECT || !symbol.global || symbol.section == SHN_UNDEF ||
        symbol.size == 0 || absl::EndsWith(symbol.name, ".kd") ||
        absl::StartsWith(symbol.name, "__hip")) {
      continue;
    }
    proto::GlobalInfo& global = *object->add_globals();
    global.set_name(ValidText(symbol.name));
    global.set_symbol(global.name());
    global.set_size(symbol.size);
  }
}

}  // namespace

absl::StatusOr<proto::VendorCodeObject> ReadAmdCodeObject(const ElfFile& file) {
  const absl::string_view note = FindMetadata(file);
  if (note.empty()) return Bad("no metadata (code objects before version 3 are not read)");
  const absl::StatusOr<MsgPack> metadata = ParseMsgPack(note);
  if (!metadata.ok()) return metadata.status();
  proto::VendorCodeObject object;
  if (const auto target = metadata->Text("amdhsa.target")) {
    // "amdgcn-amd-amdhsa--gfx90a:xnack-"; before version 4 with other signs for the features.
    object.set_target(ValidText(absl::StripPrefix(absl::StripPrefix(*target, kTriple), "-")));
  }
  const MsgPack* kernels = metadata->Find("amdhsa.kernels");
  if (kernels == nullptr || kernels->kind != MsgPack::Kind::kArray) {
    return Bad("no list of kernels");
  }
  for (const MsgPack& kernel : kernels->elements) {
    if (absl::Status status = ReadKernel(kernel, object.add_kernels()); !status.ok()) {
      return status;
    }
  }
  ReadGlobals(file, &object);
  return object;
}

}  // namespace amdgpu::code_object
