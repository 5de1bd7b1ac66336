// Tests of the Device through its public interface, over a worker with the fake driver.

#ifndef AMDGPU_TESTS_C_SRC_RUNTIME_DEVICE_FIXTURE_H_
#define AMDGPU_TESTS_C_SRC_RUNTIME_DEVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "c_src/base/error.h"
#include "c_src/kernel/compile_service.h"
#include "c_src/runtime/device.h"

namespace amdgpu::testing {

// "Compiles" anything to the fake code object, or for a GPU to that of the stand-ins, from a thread
// of its own. The key is the source and the block shape.
class FakeCompileService final : public CompileService {
 public:
  ~FakeCompileService() override;
  void Warm() override {}
  CodeObjectRef Lookup(const proto::CompileRequest& request) override;
  RequestId Compile(proto::CompileRequest request, Callback callback) override;
  bool Cancel(RequestId) override { return false; }
  CompileServiceStats stats() const override { return {}; }
  std::string cache_dir() const override { return ""; }
  void Clear(bool) override {}

  // Of each key, how often it was compiled.
  int Compiles(const std::string& key) const;

 private:
  static std::string KeyOf(const proto::CompileRequest& request);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::string, CodeObjectRef>> compiled_;
  int running_ = 0;
};

class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override { Open({}); }
  void TearDown() override;

  // Replaces the device.
  void Open(DeviceOptions options);
  static DeviceOptions Defaults(DeviceOptions options);

  // Waits for up to 30 s.
  static absl::Status Await(const JobRef& job);
  // Null if it cannot be had.
  KernelRef Kernel(const std::string& name, const std::string& source = "source");
  BufferRef NewInts(std::uint64_t count, OwnerId owner = 0);
  std::vector<std::int32_t> Read(const BufferRef& buffer);
  void Fill(const BufferRef& buffer, std::int32_t value);
  absl::StatusOr<JobRef> Launch(const std::string& kernel, std::vector<Argument> arguments,
                                LaunchOptions options = {});
  // Launches and waits.
  absl::Status Run(const std::string& kernel, std::vector<Argument> arguments,
                   LaunchOptions options = {});
  // Waits until the worker's end was reported, `count` times since Open.
  std::vector<WorkerExit> AwaitExits(std::size_t count = 1);

  std::shared_ptr<FakeCompileService> compiler_ = std::make_shared<FakeCompileService>();
  DeviceRef device_;
  std::shared_ptr<struct Events> events_;
};

struct Events {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<WorkerExit> exits;
  std::string printed;
};

}  // namespace amdgpu::testing

#endif  // AMDGPU_TESTS_C_SRC_RUNTIME_DEVICE_FIXTURE_H_
