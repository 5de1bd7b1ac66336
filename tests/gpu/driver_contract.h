// The contract suite: what every gpu::Driver must do. A driver's tests instantiate it:
//
//   INSTANTIATE_TEST_SUITE_P(Host, DriverContract, testing::Values(&MakeHostDriver));
//
// and link amdgpu_driver_contract. The tests are in files of one subject: memory_contract.cc,
// stream_contract.cc, module_contract.cc, launch_contract.cc.

#ifndef AMDGPU_TESTS_GPU_DRIVER_CONTRACT_H_
#define AMDGPU_TESTS_GPU_DRIVER_CONTRACT_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "gpu/driver.h"
#include "tests/gpu/recording_sink.h"

namespace amdgpu::gpu {

// A driver and what the suite needs beside it.
class DriverUnderTest {
 public:
  virtual ~DriverUnderTest() = default;

  virtual Driver& driver() = 0;
  // The kernels of tests/gpu/contract_kernels.hip as this driver's code object.
  virtual std::string ContractKernels() = 0;

  // Whether what a kernel prints is told with the ticket of its launch.
  virtual bool tells_who_prints() const { return true; }

  // At least this much memory can be reserved at arena offset 0.
  static constexpr std::uint64_t kMemoryBytes = std::uint64_t{96} << 20;
};

using DriverFactory = std::unique_ptr<DriverUnderTest> (*)(CompletionSink& sink);

inline absl::StatusCode CodeOf(const absl::Status& status) { return status.code(); }
template <typename T>
absl::StatusCode CodeOf(const absl::StatusOr<T>& result) {
  return result.status().code();
}

inline absl::Span<const std::byte> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

class DriverContract : public testing::TestWithParam<DriverFactory> {
 protected:
  void SetUp() override;
  void TearDown() override;

  Driver& driver() { return under_test_->driver(); }
  Ticket NextTicket() { return ++ticket_; }

  // The kernels' module, loaded on first use.
  const Module& module();
  FunctionHandle function(const std::string& name);

  // Device memory: pieces of one slab, 256-byte aligned.
  DeviceAddress Allocate(std::uint64_t bytes);
  void FreeAll() { allocated_ = 0; }
  DeviceAddress slab() const { return slab_; }

  // In stream `stream`, waited for.
  void Write(DeviceAddress destination, const void* source, std::uint64_t bytes,
             StreamId stream = 0);
  void Read(void* destination, DeviceAddress source, std::uint64_t bytes, StreamId stream = 0);
  std::uint32_t ReadWord(DeviceAddress source);
  void WriteWord(DeviceAddress destination, std::uint32_t value);

  // Launches with arguments given as values, each placed as in a C struct. Returns the ticket.
  template <typename... Args>
  Ticket Launch(StreamId stream, const std::string& name, Dim3 grid, Dim3 block,
                const Args&... args) {
    return LaunchPacked(stream, name, grid, block, 0, Pack(args...));
  }
  Ticket LaunchPacked(StreamId stream, const std::string& name, Dim3 grid, Dim3 block,
                      std::uint32_t shared_bytes, const std::string& args);

  template <typename... Args>
  static std::string Pack(const Args&... args) {
    std::string block;
    (Append(block, &args, sizeof(args), alignof(Args)), ...);
    return block;
  }

  RecordingSink sink_;
  std::unique_ptr<DriverUnderTest> under_test_;

 private:
  static void Append(std::string& block, const void* value, std::size_t bytes,
                     std::size_t alignment);

  Ticket ticket_ = 0;
  Module module_;
  DeviceAddress slab_ = 0;
  std::uint64_t allocated_ = 0;
};

}  // namespace amdgpu::gpu

#endif  // AMDGPU_TESTS_GPU_DRIVER_CONTRACT_H_
