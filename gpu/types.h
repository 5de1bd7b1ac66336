// The vocabulary of the seam: shapes, element types, signatures, properties.

#ifndef AMDGPU_GPU_TYPES_H_
#define AMDGPU_GPU_TYPES_H_

#include <cstdint>

#include "proto/code_object.pb.h"
#include "proto/worker.pb.h"

namespace amdgpu::gpu {

// A grid or a block: counts in x, y and z, each at least 1.
struct Dim3 {
  std::uint32_t x = 1;
  std::uint32_t y = 1;
  std::uint32_t z = 1;

  constexpr std::uint64_t Volume() const { return std::uint64_t{x} * y * z; }
  friend bool operator==(const Dim3&, const Dim3&) = default;
};

// An address as the device's kernels see it; 0 is none.
using DeviceAddress = std::uint64_t;

// Handles that a driver gives out; 0 is none. They are not reused while the driver lives.
using ModuleHandle = std::uint64_t;
using FunctionHandle = std::uint64_t;

// Streams and events are numbered by the caller. Stream 0 always exists.
using StreamId = std::uint32_t;
using EventId = std::uint32_t;

// What crosses the control channel unchanged.
using Properties = proto::DeviceProperties;
using KernelInfo = proto::KernelInfo;

}  // namespace amdgpu::gpu

#endif  // AMDGPU_GPU_TYPES_H_
