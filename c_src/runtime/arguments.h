// Checks a launch against the kernel's signature and the device's limits, and lays out its
// arguments.

#ifndef AMDGPU_C_SRC_RUNTIME_ARGUMENTS_H_
#define AMDGPU_C_SRC_RUNTIME_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/runtime/device.h"
#include "gpu/types.h"

namespace amdgpu {

// A kernel's parameter, ready to be checked against.
struct Parameter {
  proto::ParamKind kind = proto::PARAM_SCALAR;
  proto::DType dtype = proto::DTYPE_NONE;
  bool read_only = false;
  std::uint32_t offset = 0;  // bytes, in the argument block
  std::uint32_t size = 0;
};

// A kernel's signature, checked once so that laying out arguments stays within bounds.
class Signature {
 public:
  // kInvalidArgument if a parameter lies outside of the argument block or the block is larger than
  // `max_args_bytes`. `info` outlives it.
  static absl::StatusOr<Signature> Create(const gpu::KernelInfo& info,
                                          std::uint32_t max_args_bytes);

  const gpu::KernelInfo& info() const { return *info_; }
  absl::Span<const Parameter> parameters() const { return parameters_; }
  std::uint32_t args_bytes() const { return info_->args_size(); }

  // Writes `arguments` to `block` (args_bytes() of zeroes). Buffers are left to `place_buffer`: it
  // returns the device address or an error of its own (not live, another device).
  // kInvalidArgument with an ErrorDetail.launch that names the argument.
  using PlaceBuffer = absl::FunctionRef<absl::StatusOr<gpu::DeviceAddress>(
      std::size_t index, const Parameter& parameter, const BufferRef& buffer)>;
  absl::Status Pack(absl::Span<const Argument> arguments, std::byte* block,
                    PlaceBuffer place_buffer) const;

  // The error of argument `index` (-1: of none).
  absl::Status Error(int index, absl::string_view expected, absl::string_view got) const;

 private:
  explicit Signature(const gpu::KernelInfo& info) : info_(&info) {}

  absl::Status PackScalar(int index, const Parameter& parameter, const Argument& argument,
                          std::byte* place) const;
  absl::Status PackInteger(int index, const Parameter& parameter, const Argument& argument,
                           std::byte* place) const;
  absl::Status PackFloat(int index, const Parameter& parameter, const Argument& argument,
                         std::byte* place) const;
  // Of a parameter known by its size alone: what was given decides.
  absl::Status PackOpaque(int index, const Parameter& parameter, const Argument& argument,
                          std::byte* place, PlaceBuffer place_buffer) const;

  const gpu::KernelInfo* info_;
  std::vector<Parameter> parameters_;
};

// Grid, block and shared memory against what the device and the kernel allow.
absl::Status CheckShape(const gpu::Properties& properties, const Signature& signature,
                        const LaunchOptions& options);

// "f32"; "void" for DTYPE_NONE.
absl::string_view DTypeName(proto::DType dtype);
// Bytes of an element; 0 for DTYPE_NONE.
std::uint64_t DTypeBytes(proto::DType dtype);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_ARGUMENTS_H_
