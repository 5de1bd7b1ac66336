// What a device's launches say to telemetry, through a real worker and the hub.

#include <signal.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "proto/telemetry.pb.h"
#include "telemetry/hub.h"
#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu::testing {
namespace {

// What all frames so far have said.
class Told {
 public:
  telemetry::Hub::Sink Sink() {
    return [this](absl::string_view bytes) {
      proto::Frame frame;
      ASSERT_TRUE(frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
      const std::lock_guard lock(mutex_);
      for (const proto::Launch& launch : frame.launches()) {
        EXPECT_TRUE(tickets_.insert(launch.ticket()).second) << "told twice";
      }
      omitted_ += frame.launches_omitted();
      last_ = std::move(frame);
      changed_.notify_all();
    };
  }
  // Waits until `good` is true, at once or after a frame. What it reads may only be read there, or
  // when the hub has no sink any more.
  template <typename Good>
  bool Wait(Good good) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return good(*this); });
  }
  std::uint64_t listed() const { return tickets_.size(); }
  std::uint64_t omitted() const { return omitted_; }
  const proto::Frame& last() const { return last_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::uint64_t> tickets_;
  std::uint64_t omitted_ = 0;
  proto::Frame last_;
};

class TelemetryTest : public DeviceTest {
 protected:
  void SetUp() override {
    hub_ = telemetry::Hub::Start({.rate_hz = 60, .publish = false});
    hub_->SetSink(told_.Sink());
    DeviceOptions options;
    options.telemetry = hub_;
    Open(options);
  }
  void TearDown() override {
    DeviceTest::TearDown();
    hub_->SetSink(nullptr);
  }

  // Launches that nobody waits for, so many or until `stop` says so and no more are taken; the
  // last.
  JobRef Flood(const KernelRef& kernel, int launches, const std::atomic<bool>& stop = {}) {
    JobRef last;
    for (int i = 0; i < launches;) {
      absl::StatusOr<JobRef> job = device_->Launch(kernel, {}, {});
      if (job.ok()) {
        last = *std::move(job);
        ++i;
        continue;
      }
      EXPECT_TRUE(absl::IsUnavailable(job.status())) << job.status();
      if (stop.load()) break;
      std::this_thread::yield();
    }
    return last;
  }

  Told told_;
  telemetry::HubRef hub_;
};

TEST_F(TelemetryTest, OfManyShortLaunchesNoneIsMissingAndNoneToldTwice) {
  constexpr std::uint64_t kLaunches = 50'000;
  const JobRef last = Flood(Kernel("empty"), kLaunches);
  ASSERT_TRUE(Await(last).ok());
  ASSERT_TRUE(
      told_.Wait([&](const Told& told) { return told.listed() + told.omitted() >= kLaunches; }));
  const bool all = told_.Wait([&](const Told& told) {
    const proto::Frame& frame = told.last();
    return told.listed() + told.omitted() == kLaunches &&
           frame.devices(0).launches_total() == kLaunches &&
           frame.devices(0).launches_in_flight() == 0 &&
           frame.core_classes(0).work().launches_total() == kLaunches &&
           frame.core_classes(0).work().queued() == 0 && frame.pipeline().records_lost_total() == 0;
  });
  hub_->SetSink(nullptr);
  EXPECT_TRUE(all) << told_.listed() << " and " << told_.omitted();
  EXPECT_GT(told_.omitted(), 0u);
  EXPECT_GT(told_.listed(), 0u);
}

TEST_F(TelemetryTest, AWorkerThatIsKilledTakesNoLaunchAlong) {
  // However far it has come: each launch is told once, as done or as lost.
  const KernelRef empty = Kernel("empty");
  ASSERT_NE(empty, nullptr);
  std::uint64_t launched = 0;
  for (int round = 0; round < 5; ++round) {
    const pid_t worker = device_->Stats().worker_pid;
    std::atomic<bool> killed{false};
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(3 + 7 * round));
      kill(worker, SIGKILL);
      killed = true;
    });
    Flood(empty, 1'000'000, killed);
    killer.join();
    AwaitExits(static_cast<std::size_t>(round) + 1);
    ASSERT_TRUE(device_->Restart().ok());
    launched = device_->Stats().launches;
    EXPECT_TRUE(told_.Wait([&](const Told& told) {
      return told.listed() + told.omitted() >= launched &&
             told.last().devices(0).launches_in_flight() == 0;
    })) << launched
        << " launched";
  }
  // Give what would be told too often its time.
  std::uint64_t sequence = 0;
  told_.Wait([&](const Told& told) {
    sequence = told.last().sequence();
    return true;
  });
  EXPECT_TRUE(told_.Wait([&](const Told& told) { return told.last().sequence() >= sequence + 3; }));
  hub_->SetSink(nullptr);
  EXPECT_EQ(told_.listed() + told_.omitted(), launched);
}

}  // namespace
}  // namespace amdgpu::testing
