#include "nif/decode.h"

#include <array>
#include <limits>
#include <utility>

#include "absl/strings/string_view.h"

namespace amdgpu::nif {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

constexpr char kAnyArgument[] = "an integer, a float, a boolean, a binary or an AMDGPU.Buffer";
constexpr char kShape[] = "a positive integer, {x, y} or {x, y, z}";

BadTerm BadOption(absl::string_view name, absl::string_view expected, ERL_NIF_TERM got) {
  return {-1, std::string(name), std::string(expected), got};
}

// Numbers that Erlang has no floats for.
std::optional<double> DecodeSpecialFloat(ERL_NIF_TERM term) {
  if (term == atoms.infinity) return std::numeric_limits<double>::infinity();
  if (term == atoms.neg_infinity) return -std::numeric_limits<double>::infinity();
  if (term == atoms.nan) return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

std::optional<Argument> DecodeArgument(ErlNifEnv* env, ERL_NIF_TERM term) {
  if (enif_is_map(env, term)) {
    BufferResource* const buffer = DecodeStruct<BufferResource>(env, term);
    if (buffer == nullptr) return std::nullopt;
    return Argument(buffer->buffer.get());
  }
  ErlNifSInt64 integer;
  if (enif_get_int64(env, term, &integer)) return Argument(std::int64_t{integer});
  double real;
  if (enif_get_double(env, term, &real)) return Argument(real);
  if (const std::optional<bool> boolean = DecodeBool(term)) return Argument(*boolean);
  if (const auto bytes = DecodeBytes(env, term)) return Argument(*bytes);
  ErlNifUInt64 natural;
  if (enif_get_uint64(env, term, &natural)) return Argument(std::uint64_t{natural});
  if (const auto special = DecodeSpecialFloat(term)) return Argument(*special);
  return std::nullopt;
}

// A name for telemetry; nil is none.
std::optional<std::string> DecodeLabel(ErlNifEnv* env, ERL_NIF_TERM term) {
  if (term == atoms.nil) return "";
  std::array<char, 256> text{};
  if (enif_get_atom(env, term, text.data(), text.size(), ERL_NIF_LATIN1) > 0) return text.data();
  return DecodeString(env, term);
}

}  // namespace

std::optional<std::uint64_t> DecodeUint64(ErlNifEnv* env, ERL_NIF_TERM term) {
  ErlNifUInt64 value;
  if (!enif_get_uint64(env, term, &value)) return std::nullopt;
  return value;
}

std::optional<bool> DecodeBool(ERL_NIF_TERM term) {
  if (term == atoms.true_) return true;
  if (term == atoms.false_) return false;
  return std::nullopt;
}

std::optional<absl::Span<const std::byte>> DecodeBytes(ErlNifEnv* env, ERL_NIF_TERM term) {
  ErlNifBinary binary;
  if (!enif_inspect_binary(env, term, &binary)) return std::nullopt;
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(binary.data), binary.size);
}

std::optional<std::string> DecodeString(ErlNifEnv* env, ERL_NIF_TERM term) {
  ErlNifBinary binary;
  if (!enif_inspect_binary(env, term, &binary)) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(binary.data), binary.size);
}

std::optional<proto::DType> DecodeDType(ERL_NIF_TERM term) {
  const std::array<std::pair<ERL_NIF_TERM, proto::DType>, 13> types = {{
      {atoms.f32, proto::DTYPE_F32},
      {atoms.i32, proto::DTYPE_I32},
      {atoms.u32, proto::DTYPE_U32},
      {atoms.u8, proto::DTYPE_U8},
      {atoms.f64, proto::DTYPE_F64},
      {atoms.i8, proto::DTYPE_I8},
      {atoms.i16, proto::DTYPE_I16},
      {atoms.u16, proto::DTYPE_U16},
      {atoms.i64, proto::DTYPE_I64},
      {atoms.u64, proto::DTYPE_U64},
      {atoms.f16, proto::DTYPE_F16},
      {atoms.bf16, proto::DTYPE_BF16},
      {atoms.bool_, proto::DTYPE_BOOL},
  }};
  for (const auto& [atom, type] : types) {
    if (term == atom) return type;
  }
  return std::nullopt;
}

std::optional<gpu::Dim3> DecodeDim3(ErlNifEnv* env, ERL_NIF_TERM term) {
  gpu::Dim3 dim;
  int arity = 1;
  const ERL_NIF_TERM* elements = &term;
  if (enif_is_tuple(env, term)) {
    if (!enif_get_tuple(env, term, &arity, &elements) || arity < 2 || arity > 3) {
      return std::nullopt;
    }
  }
  std::uint32_t* const fields[] = {&dim.x, &dim.y, &dim.z};
  for (int i = 0; i < arity; ++i) {
    unsigned value;
    if (!enif_get_uint(env, elements[i], &value) || value == 0) return std::nullopt;
    *fields[i] = value;
  }
  return dim;
}

std::uint64_t GetUint64(ErlNifEnv* env, ERL_NIF_TERM map, ERL_NIF_TERM key,
                        std::uint64_t otherwise) {
  ERL_NIF_TERM value;
  if (!enif_get_map_value(env, map, key, &value)) return otherwise;
  return DecodeUint64(env, value).value_or(otherwise);
}

bool GetBool(ErlNifEnv* env, ERL_NIF_TERM map, ERL_NIF_TERM key, bool otherwise) {
  ERL_NIF_TERM value;
  if (!enif_get_map_value(env, map, key, &value)) return otherwise;
  return DecodeBool(value).value_or(otherwise);
}

std::string GetString(ErlNifEnv* env, ERL_NIF_TERM map, ERL_NIF_TERM key) {
  ERL_NIF_TERM value;
  if (!enif_get_map_value(env, map, key, &value)) return "";
  return DecodeString(env, value).value_or("");
}

std::variant<LaunchOptions, BadTerm> DecodeLaunchOptions(ErlNifEnv* env, ERL_NIF_TERM options,
                                                         const KernelResource& resource) {
  LaunchOptions result;
  bool has_grid = false;
  bool has_block = false;
  ERL_NIF_TERM rest = options;
  ERL_NIF_TERM option;
  while (enif_get_list_cell(env, rest, &option, &rest)) {
    int arity = 0;
    const ERL_NIF_TERM* pair = nullptr;
    if (!enif_get_tuple(env, option, &arity, &pair) || arity != 2) {
      return BadOption("options", "a keyword list", option);
    }
    const ERL_NIF_TERM key = pair[0];
    const ERL_NIF_TERM value = pair[1];
    if (key == atoms.grid || key == atoms.block) {
      const std::optional<gpu::Dim3> dim = DecodeDim3(env, value);
      if (!dim) {
        return BadOption(key == atoms.grid ? "grid" : "block", kShape, value);
      }
      (key == atoms.grid ? result.grid : result.block) = *dim;
      (key == atoms.grid ? has_grid : has_block) = true;
    } else if (key == atoms.shared) {
      unsigned bytes;
      if (!enif_get_uint(env, value, &bytes)) {
        return BadOption("shared", "a number of bytes", value);
      }
      result.dynamic_shared_bytes = bytes;
    } else if (key == atoms.stream) {
      if (value == atoms.nil) continue;
      const StreamResource* stream = DecodeStruct<StreamResource>(env, value);
      if (stream == nullptr) return BadOption("stream", "an AMDGPU.Stream", value);
      if (stream->device.get() != resource.device.get()) {
        return BadOption("stream", "a stream of the kernel's device", value);
      }
      if (!stream->stream->open()) {
        return BadOption("stream", "an open stream", value);
      }
      result.stream = stream->stream->id();
    } else if (key == atoms.timeout) {
      if (value == atoms.infinity) continue;
      unsigned ms;
      if (!enif_get_uint(env, value, &ms) || ms == 0) {
        return BadOption("timeout", "milliseconds (at least 1) or :infinity", value);
      }
      result.timeout_ns = ms * kNsPerMs;
    } else if (key == atoms.label) {
      const std::optional<std::string> label = DecodeLabel(env, value);
      if (!label) return BadOption("label", "a string or an atom", value);
      result.label = *label;
    } else if (key == atoms.bytes || key == atoms.flops) {
      const std::optional<std::uint64_t> count = DecodeUint64(env, value);
      if (!count) {
        return BadOption(key == atoms.bytes ? "bytes" : "flops", "a number, not negative", value);
      }
      (key == atoms.bytes ? result.bytes : result.flops) = *count;
    } else {
      return BadOption("options", "grid, block, shared, stream, timeout, label, bytes or flops",
                       key);
    }
  }
  if (!has_grid) return BadOption("grid", kShape, atoms.nil);
  if (!has_block) return BadOption("block", kShape, atoms.nil);
  return result;
}

std::variant<Arguments, BadTerm> DecodeArguments(ErlNifEnv* env, ERL_NIF_TERM list,
                                                 const Kernel& kernel) {
  Arguments arguments;
  ERL_NIF_TERM rest = list;
  ERL_NIF_TERM term;
  while (enif_get_list_cell(env, rest, &term, &rest)) {
    std::optional<Argument> argument = DecodeArgument(env, term);
    if (!argument) {
      const int position = static_cast<int>(arguments.size());
      if (position >= kernel.info().params_size()) return BadTerm{position, "", kAnyArgument, term};
      const proto::Param& param = kernel.info().params(position);
      return BadTerm{position, param.name(), param.type(), term};
    }
    arguments.push_back(*std::move(argument));
  }
  return arguments;
}

}  // namespace amdgpu::nif
