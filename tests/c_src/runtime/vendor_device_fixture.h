// Tests of a Device whose memory cannot be seen from here, over a worker with the stand-in for a
// vendor's library.

#ifndef AMDGPU_TESTS_C_SRC_RUNTIME_VENDOR_DEVICE_FIXTURE_H_
#define AMDGPU_TESTS_C_SRC_RUNTIME_VENDOR_DEVICE_FIXTURE_H_

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu::testing {

class VendorDeviceTest : public DeviceTest {
 protected:
  void SetUp() override { OpenVendor("hip"); }
  void TearDown() override {
    DeviceTest::TearDown();
    unsetenv("AMD_STANDIN_SCRIPT");
  }

  static DeviceOptions VendorOptions(const std::string& kind) {
    DeviceOptions options;
    options.kind = kind;
    options.worker_path = AMDGPU_STANDIN_WORKER;
    options.memory_limit_bytes = std::uint64_t{900} << 20;
    return options;
  }
  // With a script for the vendor's library (tests/support/standin/script.h).
  void OpenVendor(const std::string& kind, const std::string& script = "") {
    setenv("AMD_STANDIN_SCRIPT", script.c_str(), 1);
    Open(VendorOptions(kind));
  }

  absl::Status Upload(const BufferRef& buffer, std::uint64_t offset, const std::string& bytes) {
    const auto held = std::make_shared<std::string>(bytes);
    absl::StatusOr<JobRef> job = device_->Upload(
        buffer, offset, {reinterpret_cast<const std::byte*>(held->data()), held->size()}, held);
    return job.ok() ? Await(*job) : job.status();
  }
  absl::StatusOr<std::string> Download(const BufferRef& buffer, std::uint64_t offset,
                                       std::uint64_t bytes) {
    absl::StatusOr<JobRef> job = device_->Download(buffer, offset, bytes);
    if (!job.ok()) return job.status();
    if (absl::Status status = Await(*job); !status.ok()) return status;
    const BufferView view = (*job)->view();
    return std::string(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  }
  std::vector<std::int32_t> ReadInts(const BufferRef& buffer) {
    const absl::StatusOr<std::string> bytes = Download(buffer, 0, buffer->bytes());
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    std::vector<std::int32_t> values(buffer->elements());
    if (bytes.ok() && !values.empty()) std::memcpy(values.data(), bytes->data(), bytes->size());
    return values;
  }
};

}  // namespace amdgpu::testing

#endif  // AMDGPU_TESTS_C_SRC_RUNTIME_VENDOR_DEVICE_FIXTURE_H_
