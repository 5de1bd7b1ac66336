// A host driver over an arena of its own, for tests.

#ifndef AMDGPU_TESTS_GPU_HOST_DRIVER_HOST_UNDER_TEST_H_
#define AMDGPU_TESTS_GPU_HOST_DRIVER_HOST_UNDER_TEST_H_

#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "gpu/host/driver/host_driver.h"
#include "tests/gpu/driver_contract.h"
#include "tests/gpu/host/driver/hand_made.h"

namespace amdgpu::host {

class HostUnderTest : public gpu::DriverUnderTest {
 public:
  static constexpr std::uint64_t kArenaBytes = 2 * kMemoryBytes;

  HostUnderTest(gpu::CompletionSink& sink, unsigned threads)
      : arena_fd_(memfd_create("test arena", MFD_CLOEXEC)) {
    EXPECT_EQ(ftruncate(arena_fd_, kArenaBytes), 0);
    absl::StatusOr<std::unique_ptr<HostDriver>> driver = HostDriver::Create(
        {.arena_fd = arena_fd_, .arena_bytes = kArenaBytes, .threads = threads}, sink);
    EXPECT_TRUE(driver.ok()) << driver.status();
    if (driver.ok()) driver_ = *std::move(driver);
  }
  ~HostUnderTest() override {
    driver_.reset();
    close(arena_fd_);
  }

  gpu::Driver& driver() override { return *driver_; }
  std::string ContractKernels() override { return host::ContractKernels().SerializeAsString(); }

 private:
  const int arena_fd_;
  std::unique_ptr<HostDriver> driver_;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_TESTS_GPU_HOST_DRIVER_HOST_UNDER_TEST_H_
