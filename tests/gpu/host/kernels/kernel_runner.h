// HIP source, compiled in this process and run on a host driver: what the tests of kernels share.

#ifndef AMDGPU_TESTS_GPU_HOST_KERNELS_KERNEL_RUNNER_H_
#define AMDGPU_TESTS_GPU_HOST_KERNELS_KERNEL_RUNNER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gpu/driver.h"
#include "gpu/host/driver/host_driver.h"
#include "tests/gpu/recording_sink.h"

namespace amdgpu::host {

// A HostCodeObject of `source` with the kernels that `names` ask for (all extern "C" ones if
// empty), for blocks of `block` only unless its x is 0. Fails the test, with the diagnostics, if it
// does not compile.
std::string CompileHip(const std::string& source, const std::vector<std::string>& names = {},
                       gpu::Dim3 block = {0, 0, 0});

// What surrounds a launch.
struct Shape {
  gpu::Dim3 grid;
  gpu::Dim3 block;
  std::uint32_t shared_bytes = 0;
};

class KernelTest : public testing::Test {
 protected:
  KernelTest();
  ~KernelTest() override;

  // `count` elements of device memory, which is memory of this process too; zeroed.
  template <typename T>
  T* Allocate(std::size_t count) {
    const std::size_t bytes = (count * sizeof(T) + 255) / 256 * 256;
    EXPECT_LE(allocated_ + bytes, kMemoryBytes);
    void* start = reinterpret_cast<void*>(memory_ + allocated_);
    allocated_ += bytes;
    std::fill_n(static_cast<std::byte*>(start), bytes, std::byte{0});
    return static_cast<T*>(start);
  }

  template <typename T>
  T* Upload(const std::vector<T>& values) {
    T* start = Allocate<T>(values.size());
    std::copy(values.begin(), values.end(), start);
    return start;
  }

  // Loads the kernels of `source`; they are the ones that Run finds. With a block, specialised on
  // it.
  void Load(const std::string& source, const std::vector<std::string>& names = {},
            gpu::Dim3 block = {0, 0, 0});

  // Runs a loaded kernel to its end. The arguments are laid out as in a C struct.
  template <typename... Args>
  gpu::Ticket Run(const std::string& name, const Shape& shape, const Args&... args) {
    std::string block;
    (Append(block, &args, sizeof(args), alignof(Args)), ...);
    return RunPacked(name, shape, block);
  }

  // Calls `body(shape)` with `source` loaded: for every shape as generic code, and again
  // specialised on the shape's block.
  template <typename Body>
  void ForShapes(const std::string& source, const std::vector<Shape>& shapes, Body body) {
    Load(source);
    for (const Shape& shape : shapes) {
      SCOPED_TRACE("generic, block " + ToString(shape.block));
      body(shape);
      FreeAll();
    }
    for (const Shape& shape : shapes) {
      SCOPED_TRACE("specialised on " + ToString(shape.block));
      Load(source, {}, shape.block);
      body(shape);
      FreeAll();
    }
  }

  gpu::Driver& driver() { return *driver_; }
  gpu::ModuleHandle module() const { return module_.handle; }
  void FreeAll() { allocated_ = 0; }

  gpu::RecordingSink sink_;

 private:
  static constexpr std::uint64_t kMemoryBytes = std::uint64_t{64} << 20;

  static std::string ToString(const gpu::Dim3& shape);
  static void Append(std::string& block, const void* value, std::size_t bytes,
                     std::size_t alignment);
  gpu::Ticket RunPacked(const std::string& name, const Shape& shape, const std::string& args);

  int arena_fd_ = -1;
  std::unique_ptr<HostDriver> driver_;
  gpu::Module module_;
  gpu::DeviceAddress memory_ = 0;
  std::uint64_t allocated_ = 0;
  gpu::Ticket ticket_ = 0;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_TESTS_GPU_HOST_KERNELS_KERNEL_RUNNER_H_
