#include "c_src/runtime/arguments.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "c_src/runtime/float_formats.h"

namespace amdgpu {
namespace {

struct DTypeInfo {
  absl::string_view name;
  std::uint64_t bytes;
};
// By proto::DType.
constexpr DTypeInfo kDTypes[] = {{"void", 0}, {"i8", 1},  {"u8", 1},  {"i16", 2}, {"u16", 2},
                                 {"i32", 4},  {"u32", 4}, {"i64", 8}, {"u64", 8}, {"f16", 2},
                                 {"bf16", 2}, {"f32", 4}, {"f64", 8}, {"bool", 1}};

bool IsFloat(proto::DType dtype) {
  return dtype == proto::DTYPE_F16 || dtype == proto::DTYPE_BF16 || dtype == proto::DTYPE_F32 ||
         dtype == proto::DTYPE_F64;
}

// What the caller gave, for a message.
std::string Describe(const Argument& argument) {
  struct Visitor {
    std::string operator()(std::int64_t value) const { return absl::StrCat("the integer ", value); }
    std::string operator()(std::uint64_t value) const {
      return absl::StrCat("the integer ", value);
    }
    std::string operator()(double value) const { return absl::StrCat("the float ", value); }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(absl::Span<const std::byte> value) const {
      return absl::StrCat("a binary of ", value.size(), " bytes");
    }
    std::string operator()(const BufferRef& value) const {
      if (value == nullptr) return "no buffer";
      return absl::StrCat("a buffer of ", std::string(DTypeName(value->dtype())));
    }
  };
  return std::visit(Visitor{}, argument);
}

// `value` as an integer of type T; false if it does not fit.
template <typename T>
bool Store(const Argument& argument, std::byte* place) {
  T result;
  if (const auto* value = std::get_if<std::int64_t>(&argument)) {
    if (!std::in_range<T>(*value)) return false;
    result = static_cast<T>(*value);
  } else if (const auto* positive = std::get_if<std::uint64_t>(&argument)) {
    if (!std::in_range<T>(*positive)) return false;
    result = static_cast<T>(*positive);
  } else {
    return false;
  }
  std::memcpy(place, &result, sizeof(result));
  return true;
}

bool StoreInteger(proto::DType dtype, const Argument& argument, std::byte* place) {
  switch (dtype) {
    case proto::DTYPE_I8:
      return Store<std::int8_t>(argument, place);
    case proto::DTYPE_U8:
      return Store<std::uint8_t>(argument, place);
    case proto::DTYPE_I16:
      return Store<std::int16_t>(argument, place);
    case proto::DTYPE_U16:
      return Store<std::uint16_t>(argument, place);
    case proto::DTYPE_I32:
      return Store<std::int32_t>(argument, place);
    case proto::DTYPE_U32:
      return Store<std::uint32_t>(argument, place);
    case proto::DTYPE_I64:
      return Store<std::int64_t>(argument, place);
    case proto::DTYPE_U64:
      return Store<std::uint64_t>(argument, place);
    default:
      return false;
  }
}

std::string RangeOf(proto::DType dtype) {
  const std::uint64_t bits = DTypeBytes(dtype) * 8;
  const bool is_signed = dtype == proto::DTYPE_I8 || dtype == proto::DTYPE_I16 ||
                         dtype == proto::DTYPE_I32 || dtype == proto::DTYPE_I64;
  const std::string name(DTypeName(dtype));
  if (is_signed) {
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() >> (64 - bits);
    return absl::StrCat("an integer of ", name, ", ", -most - 1, " to ", most);
  }
  return absl::StrCat("an integer of ", name, ", 0 to ",
                      std::numeric_limits<std::uint64_t>::max() >> (64 - bits));
}

}  // namespace

absl::string_view DTypeName(proto::DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  return index < std::size(kDTypes) ? kDTypes[index].name : "unknown";
}

std::uint64_t DTypeBytes(proto::DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  return index < std::size(kDTypes) ? kDTypes[index].bytes : 0;
}

absl::StatusOr<Signature> Signature::Create(const gpu::KernelInfo& info,
                                            std::uint32_t max_args_bytes) {
  if (info.args_size() > max_args_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel \"", info.name(), "\" takes ", info.args_size(),
                     " bytes of arguments, at most ", max_args_bytes, " are possible"));
  }
  Signature signature(info);
  for (const proto::Param& param : info.params()) {
    std::uint32_t size = param.size();
    if (param.kind() == proto::PARAM_POINTER) size = sizeof(gpu::DeviceAddress);
    if (param.kind() == proto::PARAM_SCALAR) {
      size = static_cast<std::uint32_t>(DTypeBytes(param.dtype()));
    }
    if (size == 0 || size != param.size() || param.offset() > info.args_size() ||
        size > info.args_size() - param.offset()) {
      return absl::InvalidArgumentError(
          absl::StrCat("kernel \"", info.name(), "\" has a malformed parameter ", param.name()));
    }
    signature.parameters_.push_back(
        {param.kind(), param.dtype(), param.read_only(), param.offset(), size});
  }
  return signature;
}

absl::Status Signature::Error(int index, absl::string_view expected, absl::string_view got) const {
  proto::ErrorDetail detail;
  proto::LaunchErrorDetail& launch = *detail.mutable_launch();
  launch.set_kernel(info_->name());
  launch.set_argument(index);
  launch.set_expected(std::string(expected));
  launch.set_got(std::string(got));
  std::string where = absl::StrCat("kernel \"", info_->name(), "\"");
  if (index >= 0) {
    absl::StrAppend(&where, ", argument ", index);
    if (index < info_->params_size()) {
      launch.set_name(info_->params(index).name());
      if (!launch.name().empty()) absl::StrAppend(&where, " (", launch.name(), ")");
    }
  }
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat(where, ": expected ", expected, ", got ", got), detail);
}

absl::Status Signature::Pack(absl::Span<const Argument> arguments, std::byte* block,
                             PlaceBuffer place_buffer) const {
  if (arguments.size() != parameters_.size()) {
    return Error(-1, absl::StrCat(parameters_.size(), " arguments"),
                 absl::StrCat(arguments.size()));
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    const Argument& argument = arguments[i];
    const int index = static_cast<int>(i);
    std::byte* const place = block + parameter.offset;
    if (parameter.kind == proto::PARAM_SCALAR) {
      absl::Status status = PackScalar(index, parameter, argument, place);
      if (!status.ok()) return status;
    } else if (parameter.kind == proto::PARAM_POINTER) {
      const BufferRef* buffer = std::get_if<BufferRef>(&argument);
      const bool fits =
          buffer != nullptr && *buffer != nullptr &&
          (parameter.dtype == proto::DTYPE_NONE || parameter.dtype == (*buffer)->dtype());
      if (!fits) {
        return Error(index,
                     parameter.dtype == proto::DTYPE_NONE
                         ? "a buffer"
                         : absl::StrCat("a buffer of ", std::string(DTypeName(parameter.dtype))),
                     Describe(argument));
      }
      absl::StatusOr<gpu::DeviceAddress> address = place_buffer(i, parameter, *buffer);
      if (!address.ok()) return address.status();
      std::memcpy(place, &*address, sizeof(*address));
    } else if (parameter.kind == proto::PARAM_OPAQUE &&
               !std::holds_alternative<absl::Span<const std::byte>>(argument)) {
      absl::Status status = PackOpaque(index, parameter, argument, place, place_buffer);
      if (!status.ok()) return status;
    } else {
      const auto* bytes = std::get_if<absl::Span<const std::byte>>(&argument);
      if (bytes == nullptr || bytes->size() != parameter.size) {
        return Error(index,
                     absl::StrCat("a binary of ", parameter.size, " bytes (",
                                  info_->params(index).type(), ")"),
                     Describe(argument));
      }
      std::memcpy(place, bytes->data(), bytes->size());
    }
  }
  return absl::OkStatus();
}

absl::Status Signature::PackScalar(int index, const Parameter& parameter, const Argument& argument,
                                   std::byte* place) const {
  if (IsFloat(parameter.dtype)) return PackFloat(index, parameter, argument, place);
  if (parameter.dtype != proto::DTYPE_BOOL) {
    return PackInteger(index, parameter, argument, place);
  }
  const bool* value = std::get_if<bool>(&argument);
  if (value == nullptr) return Error(index, "true or false", Describe(argument));
  std::memcpy(place, value, sizeof(*value));
  return absl::OkStatus();
}

absl::Status Signature::PackInteger(int index, const Parameter& parameter, const Argument& argument,
                                    std::byte* place) const {
  if (StoreInteger(parameter.dtype, argument, place)) return absl::OkStatus();
  return Error(index, RangeOf(parameter.dtype), Describe(argument));
}

absl::Status Signature::PackFloat(int index, const Parameter& parameter, const Argument& argument,
                                  std::byte* place) const {
  double value;
  if (const auto* given = std::get_if<double>(&argument)) {
    value = *given;
  } else if (const auto* integer = std::get_if<std::int64_t>(&argument)) {
    value = static_cast<double>(*integer);
  } else if (const auto* positive = std::get_if<std::uint64_t>(&argument)) {
    value = static_cast<double>(*positive);
  } else {
    return Error(index, absl::StrCat("a number (", std::string(DTypeName(parameter.dtype)), ")"),
                 Describe(argument));
  }
  bool finite = true;
  if (parameter.dtype == proto::DTYPE_F64) {
    std::memcpy(place, &value, sizeof(value));
  } else if (parameter.dtype == proto::DTYPE_F32) {
    const float narrow = static_cast<float>(value);
    finite = std::isfinite(narrow);
    std::memcpy(place, &narrow, sizeof(narrow));
  } else {
    const float narrow = static_cast<float>(value);
    const std::uint16_t bits =
        parameter.dtype == proto::DTYPE_F16 ? ToHalf(narrow) : ToBfloat16(narrow);
    const std::uint16_t exponent = parameter.dtype == proto::DTYPE_F16 ? 0x7c00 : 0x7f80;
    finite = (bits & exponent) != exponent;
    std::memcpy(place, &bits, sizeof(bits));
  }
  if (!finite && std::isfinite(value)) {
    return Error(index, absl::StrCat("a number within ", std::string(DTypeName(parameter.dtype))),
                 Describe(argument));
  }
  return absl::OkStatus();
}

absl::Status Signature::PackOpaque(int index, const Parameter& parameter, const Argument& argument,
                                   std::byte* place, PlaceBuffer place_buffer) const {
  const std::uint32_t size = parameter.size;
  if (const auto* buffer = std::get_if<BufferRef>(&argument)) {
    if (size == sizeof(gpu::DeviceAddress) && *buffer != nullptr) {
      absl::StatusOr<gpu::DeviceAddress> address =
          place_buffer(static_cast<std::size_t>(index), parameter, *buffer);
      if (!address.ok()) return address.status();
      std::memcpy(place, &*address, sizeof(*address));
      return absl::OkStatus();
    }
  } else if (const auto* value = std::get_if<double>(&argument)) {
    if (size == 4 || size == 8) {
      return PackFloat(index, {.dtype = size == 4 ? proto::DTYPE_F32 : proto::DTYPE_F64}, *value,
                       place);
    }
  } else if (const auto* boolean = std::get_if<bool>(&argument)) {
    if (size == sizeof(bool)) {
      std::memcpy(place, boolean, sizeof(*boolean));
      return absl::OkStatus();
    }
  } else {
    // Signed or not: nobody knows.
    static constexpr proto::DType kSigned[] = {proto::DTYPE_I8, proto::DTYPE_I16, proto::DTYPE_I32,
                                               proto::DTYPE_I64};
    static constexpr proto::DType kUnsigned[] = {proto::DTYPE_U8, proto::DTYPE_U16,
                                                 proto::DTYPE_U32, proto::DTYPE_U64};
    for (std::size_t i = 0; i < std::size(kSigned); ++i) {
      if (size == 1u << i && (StoreInteger(kSigned[i], argument, place) ||
                              StoreInteger(kUnsigned[i], argument, place))) {
        return absl::OkStatus();
      }
    }
  }
  std::string expected = absl::StrCat("a binary of ", size, " bytes");
  if (size == 8) expected = absl::StrCat("a buffer, an integer, a float or ", expected);
  if (size == 4) expected = absl::StrCat("an integer, a float or ", expected);
  if (size == 1 || size == 2) expected = absl::StrCat("an integer or ", expected);
  return Error(index, expected, Describe(argument));
}

absl::Status CheckShape(const gpu::Properties& properties, const Signature& signature,
                        const LaunchOptions& options) {
  const std::uint32_t grid[3] = {options.grid.x, options.grid.y, options.grid.z};
  const std::uint32_t block[3] = {options.block.x, options.block.y, options.block.z};
  constexpr absl::string_view kAxes[3] = {"x", "y", "z"};
  for (int axis = 0; axis < 3; ++axis) {
    const auto check = [&](absl::string_view what, std::uint32_t value,
                           std::uint32_t most) -> absl::Status {
      if (value >= 1 && (most == 0 || value <= most)) return absl::OkStatus();
      return signature.Error(
          -1, absl::StrCat(std::string(what), ".", std::string(kAxes[axis]), " from 1 to ", most),
          absl::StrCat(value));
    };
    absl::Status status = check(
        "block", block[axis], axis < properties.max_block_size() ? properties.max_block(axis) : 0);
    if (!status.ok()) return status;
    status = check("grid", grid[axis],
                   axis < properties.max_grid_size() ? properties.max_grid(axis) : 0);
    if (!status.ok()) return status;
    const std::uint64_t threads = std::uint64_t{grid[axis]} * block[axis];
    if (properties.max_grid_threads() != 0 && threads >= properties.max_grid_threads()) {
      return signature.Error(-1,
                             absl::StrCat("fewer than ", properties.max_grid_threads(),
                                          " threads (grid * block) in ", std::string(kAxes[axis])),
                             absl::StrCat(threads));
    }
  }
  std::uint64_t most_threads = properties.max_threads_per_block();
  const std::uint32_t bounds = signature.info().max_threads_per_block();
  if (bounds != 0 && bounds < most_threads) most_threads = bounds;
  if (options.block.Volume() > most_threads) {
    return signature.Error(-1, absl::StrCat("at most ", most_threads, " threads in a block"),
                           absl::StrCat(options.block.Volume()));
  }
  const std::uint64_t shared =
      std::uint64_t{signature.info().static_shared_bytes()} + options.dynamic_shared_bytes;
  if (shared > properties.max_shared_bytes()) {
    return signature.Error(
        -1, absl::StrCat("at most ", properties.max_shared_bytes(), " bytes of shared memory"),
        absl::StrCat(shared));
  }
  return absl::OkStatus();
}

}  // namespace amdgpu
