// What goes wrong on a GPU: the launch that did it is told, the worker is replaced, and what its
// memory held is known to be lost.

#include <thread>

#include "absl/strings/match.h"
#include "tests/c_src/runtime/vendor_device_fixture.h"

namespace amdgpu::testing {
namespace {

using Ints = std::vector<std::int32_t>;

constexpr std::uint64_t kMillisecond = 1'000'000;

class VendorFaultsTest : public VendorDeviceTest {
 protected:
  // After a worker's end: the old buffer is lost, for good and in so many words; the device works.
  void ExpectRecovery(const BufferRef& old) {
    ASSERT_EQ(AwaitExits().size(), 1u);
    const absl::Status restarted = device_->Restart();
    ASSERT_TRUE(restarted.ok()) << restarted;
    for (const absl::Status& status :
         {Upload(old, 0, "1234"), Download(old, 0, 4).status(),
          Run("add_one", {old, std::int64_t{1}}), device_->Copy(old, 0, old, 8, 4, 0).status()}) {
      const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
      EXPECT_TRUE(detail.has_value() && detail->has_device_lost()) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), "memory went with the worker")) << status;
    }
    EXPECT_TRUE(device_->Free(old).ok());
    const BufferRef data = NewInts(1000);
    Fill(data, 1);
    ASSERT_TRUE(Run("add_one", {data, std::int64_t{1000}}).ok());
    EXPECT_EQ(ReadInts(data), Ints(1000, 2));
  }

  proto::ErrorDetail DetailOf(const absl::Status& status) {
    EXPECT_FALSE(status.ok());
    const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
    EXPECT_TRUE(detail.has_value()) << status;
    return detail.value_or(proto::ErrorDetail{});
  }
};

TEST_F(VendorFaultsTest, AnIllegalAddressIsTheLaunchsFault) {
  const BufferRef data = NewInts(1000);
  Fill(data, 1);
  // The kernel finds that its argument reaches past the slab.
  const absl::Status status = Run("add_one", {data, std::int64_t{1} << 30});
  const proto::ErrorDetail detail = DetailOf(status);
  ASSERT_TRUE(detail.has_fault()) << status;
  EXPECT_EQ(detail.fault().kernel(), "add_one");
  EXPECT_TRUE(absl::StrContains(detail.fault().message(), "IllegalAddress")) << status;
  ExpectRecovery(data);
}

TEST_F(VendorFaultsTest, TrapsAssertsAndLostDevicesAreTold) {
  for (const int how : {715, 710, 719, 46}) {
    OpenVendor("cuda");
    const BufferRef data = NewInts(10);
    Fill(data, 1);
    const proto::ErrorDetail detail = DetailOf(Run("fail", {std::int64_t{how}}));
    ASSERT_TRUE(detail.has_fault()) << how;
    EXPECT_EQ(detail.fault().kernel(), "fail");
    EXPECT_TRUE(absl::StrContains(detail.fault().message(), "CUDA_ERROR")) << how;
    ExpectRecovery(data);
  }
}

TEST_F(VendorFaultsTest, WorkBehindAFaultIsLostAndAnsweredOnce) {
  const BufferRef data = NewInts(10);
  Fill(data, 0);
  std::vector<JobRef> jobs;
  const KernelRef add = Kernel("add_one");
  const KernelRef fail = Kernel("fail");
  const KernelRef spin = Kernel("spin");
  const auto launch = [&](const KernelRef& kernel, std::vector<Argument> arguments) {
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, {}, arguments);
    ASSERT_TRUE(job.ok()) << job.status();
    jobs.push_back(*job);
  };
  launch(spin, {std::uint64_t{50'000}});
  for (int i = 0; i < 20; ++i) launch(add, {data, std::int64_t{10}});
  launch(fail, {std::int64_t{700}});
  for (int i = 0; i < 20; ++i) launch(add, {data, std::int64_t{10}});
  int failed = 0;
  for (const JobRef& job : jobs) {
    const absl::Status status = Await(job);
    if (status.ok()) continue;
    ++failed;
    // The vendor does not say which of them it was: none is blamed.
    EXPECT_EQ(DetailOf(status).fault().kernel(), "") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "IllegalAddress")) << status;
  }
  // Those before the fault may have been told in time; those behind cannot.
  EXPECT_GE(failed, 21);
  ExpectRecovery(data);
}

TEST_F(VendorFaultsTest, AHungKernelIsEndedByItsTimeout) {
  const BufferRef data = NewInts(10);
  Fill(data, 0);
  LaunchOptions options;
  options.timeout_ns = 100 * kMillisecond;
  const proto::ErrorDetail detail = DetailOf(Run("hang", {}, options));
  ASSERT_TRUE(detail.has_timeout());
  EXPECT_TRUE(absl::StrContains(detail.timeout().what(), "hang"));
  ExpectRecovery(data);
}

TEST_F(VendorFaultsTest, ALaunchThatWaitsForItsTurnIsNotLate) {
  LaunchOptions options;
  options.timeout_ns = 150 * kMillisecond;
  const absl::StatusOr<JobRef> slow = Launch("spin", {std::uint64_t{400'000}});
  const absl::StatusOr<JobRef> watched = Launch("spin", {std::uint64_t{1'000}}, options);
  ASSERT_TRUE(slow.ok() && watched.ok());
  EXPECT_TRUE(Await(*watched).ok()) << (*watched)->status();
  const LaunchInfo info = (*watched)->info();
  EXPECT_GE(info.started_ns, (*slow)->info().ended_ns);
  EXPECT_LT(info.ended_ns - info.started_ns, 100 * kMillisecond);
}

TEST_F(VendorFaultsTest, AnAbortOfTheVendorsRuntimeNamesTheLaunch) {
  const BufferRef data = NewInts(10);
  Fill(data, 0);
  const proto::ErrorDetail detail = DetailOf(Run("abort_process", {}));
  ASSERT_TRUE(detail.has_fault());
  EXPECT_EQ(detail.fault().kernel(), "abort_process");
  EXPECT_EQ(detail.fault().signal_name(), "SIGABRT");
  ExpectRecovery(data);
}

TEST_F(VendorFaultsTest, RestartsTakeLessThanTwoSeconds) {
  const KernelRef empty = Kernel("empty");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(Run("fail", {std::int64_t{700}}).ok());
  AwaitExits();
  ASSERT_TRUE(device_->Restart().ok());
  const absl::StatusOr<JobRef> job = device_->Launch(empty, {}, {});
  ASSERT_TRUE(job.ok());
  ASSERT_TRUE(Await(*job).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

// The vendor's runtime fails before there is a device.
TEST_F(VendorFaultsTest, OpeningSaysWhatTheVendorSays) {
  const auto open = [this](const std::string& script) {
    setenv("AMD_STANDIN_SCRIPT", script.c_str(), 1);
    const absl::StatusOr<DeviceRef> device =
        Device::Open(VendorOptions("hip"), compiler_, DeviceCallbacks{});
    EXPECT_FALSE(device.ok()) << script;
    return device.status();
  };
  EXPECT_EQ(open("Init=100").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(open("StreamCreate=2").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(absl::StrContains(open("DeviceGetName=46").message(), "hipErrorStandIn"));
  EXPECT_TRUE(absl::StrContains(open("Init=abort").message(), "SIGABRT"));
  DeviceOptions options = VendorOptions("hip");
  options.index = 3;
  unsetenv("AMD_STANDIN_SCRIPT");
  EXPECT_EQ(Device::Open(options, compiler_, {}).status().code(), absl::StatusCode::kNotFound);
}

// A call of the vendor's that never returns holds up its own stream, and its launch's timeout ends
// it.
TEST_F(VendorFaultsTest, ACallThatHangsIsEndedByTheTimeout) {
  OpenVendor("hip", "EventQuery=600;EventSynchronize=hang@2");
  LaunchOptions options;
  options.timeout_ns = 100 * kMillisecond;
  const proto::ErrorDetail detail = DetailOf(Run("empty", {}, options));
  EXPECT_TRUE(detail.has_timeout());
}

}  // namespace
}  // namespace amdgpu::testing
