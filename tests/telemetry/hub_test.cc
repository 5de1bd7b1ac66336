// The hub, over a device that the test plays: what is in its ring is in the frames, once.

#include "telemetry/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"
#include "c_src/base/futex.h"
#include "telemetry/attach.h"
#include "telemetry/board.h"
#include "telemetry/prune.h"
#include "telemetry/record.h"
#include "telemetry/sketch.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::size_t kSlots = 32768;
constexpr auto kPause = std::chrono::milliseconds(20);

// A device without a worker: the test writes its ring and plays its sampler.
class FakeDevice final : public DeviceFeed {
 public:
  FakeDevice() : memory_(std::aligned_alloc(64, RingBytes(kSlots)), std::free) {
    std::memset(memory_.get(), 0, RingBytes(kSlots));
    properties_.set_kind("host");
    properties_.set_name("a machine");
    properties_.set_compute_units(4);
  }

  const proto::DeviceProperties& telemetry_properties() const override { return properties_; }
  void* telemetry_ring() const override { return memory_.get(); }
  std::size_t telemetry_slots() const override { return kSlots; }
  SamplerControl& telemetry_control() const override { return control_; }
  bool telemetry_live() const override { return live; }
  void FillWorker(proto::Worker* worker) const override { worker->set_pid(77); }
  void FillPool(proto::Pool* pool, std::size_t most_owners) const override {
    pool->set_used_bytes(4096);
    if (most_owners == 0) return;
    pool->clear_owners();
    pool->add_owners()->set_owner(5);
  }
  void FillBlocks(proto::Pool* pool, std::size_t most) const override {
    ++blocks_asked;
    pool->add_regions()->set_bytes(1 << 20);
    for (std::size_t i = 0; i < most; ++i) pool->add_blocks()->set_offset(i * 256);
    pool->set_blocks_omitted(3);
  }
  std::size_t FillActive(std::size_t most,
                         google::protobuf::RepeatedPtrField<proto::ActiveLaunch>* active,
                         std::uint32_t* labels) const override {
    for (std::size_t i = 0; i < std::min<std::size_t>(most, in_flight()); ++i) {
      active->Add()->set_ticket(1000 + i);
      labels[i] = 0;
    }
    return in_flight();
  }
  std::uint64_t in_flight() const override { return flying; }
  HostCopies host_copies() const override { return {}; }

  SharedRingWriter ring() const { return {memory_.get(), kSlots}; }

  std::atomic<bool> live{false};
  std::atomic<std::uint64_t> flying{0};
  mutable std::atomic<int> blocks_asked{0};

 private:
  std::unique_ptr<void, void (*)(void*)> memory_;
  mutable SamplerControl control_{};
  proto::DeviceProperties properties_;
};

// Frames as they come.
class Frames {
 public:
  Hub::Sink Sink() {
    return [this](absl::string_view bytes) {
      proto::Frame frame;
      ASSERT_TRUE(frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
      ASSERT_LE(bytes.size(), kMaxFrameBytes);
      const std::lock_guard lock(mutex_);
      frames_.push_back(std::move(frame));
      changed_.notify_all();
    };
  }
  // The first frame, from those that came already on, that `good` accepts.
  template <typename Good>
  proto::Frame Find(Good good) {
    std::unique_lock lock(mutex_);
    for (std::size_t next = 0;; ++next) {
      if (!changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return frames_.size() > next; })) {
        ADD_FAILURE() << "no such frame came";
        return {};
      }
      if (good(frames_[next])) return frames_[next];
    }
  }
  std::vector<proto::Frame> All() {
    const std::lock_guard lock(mutex_);
    return frames_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<proto::Frame> frames_;
};

class HubTest : public ::testing::Test {
 protected:
  HubTest() {
    std::string name = (std::filesystem::temp_directory_path() / "hubXXXXXX").string();
    directory_ = mkdtemp(name.data());
    setenv("AMDGPU_RUNTIME_DIR", directory_.c_str(), 1);
    hub_ = Hub::Start({.rate_hz = 200, .publish = true});
    hub_->SetSink(frames_.Sink());
    device_ = std::make_shared<FakeDevice>();
    number_ = hub_->AddDevice(device_);
    kernel_ = hub_->names().Kernel(number_, "key", "saxpy", proto::CORE_CLASS_MATRIX);
  }
  ~HubTest() override {
    hub_.reset();
    unsetenv("AMDGPU_RUNTIME_DIR");
    std::filesystem::remove_all(directory_);
  }

  LaunchRecord Launch(std::uint64_t ticket, std::uint64_t ns = 1000) const {
    LaunchRecord record;
    record.header = MakeHeader<LaunchRecord>(RecordKind::kLaunch, 1'000'000 + ns);
    record.ticket = ticket;
    record.key.owner = 5;
    record.queued_ns = 900'000;
    record.started_ns = 1'000'000;
    record.key.kernel = kernel_->number;
    record.key.grid[0] = record.key.grid[1] = record.key.grid[2] = 1;
    record.key.block[0] = record.key.block[1] = record.key.block[2] = 1;
    return record;
  }
  std::uint64_t LaunchesTotal(const proto::Frame& frame) const {
    return frame.devices_size() == 0 ? 0 : frame.devices(0).launches_total();
  }

  std::string directory_;
  Frames frames_;
  HubRef hub_;
  std::shared_ptr<FakeDevice> device_;
  std::uint32_t number_ = 0;
  KernelTagRef kernel_;
};

TEST_F(HubTest, EveryLaunchIsInOneFrame) {
  SharedRingWriter ring = device_->ring();
  constexpr std::uint64_t kLaunches = 3000;
  for (std::uint64_t i = 1; i <= kLaunches; ++i) {
    ring.Push(Launch(i));
    kernel_->CountLaunch();
    if (i % 200 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(6));
  }
  const proto::Frame last =
      frames_.Find([&](const proto::Frame& frame) { return LaunchesTotal(frame) == kLaunches; });
  std::set<std::uint64_t> tickets;
  std::uint64_t omitted = 0;
  for (const proto::Frame& frame : frames_.All()) {
    omitted += frame.launches_omitted();
    for (const proto::Launch& launch : frame.launches()) {
      EXPECT_TRUE(tickets.insert(launch.ticket()).second) << "twice";
      EXPECT_EQ(launch.device(), number_);
      EXPECT_EQ(launch.core_class(), proto::CORE_CLASS_MATRIX);
    }
  }
  EXPECT_EQ(tickets.size() + omitted, kLaunches);
  EXPECT_EQ(last.pipeline().records_lost_total(), 0u);
  EXPECT_EQ(last.devices(0).busy_ns_total(), kLaunches * 1000);
  ASSERT_EQ(last.core_classes_size(), 3);
  EXPECT_EQ(last.core_classes(1).work().launches_total(), kLaunches);
}

TEST_F(HubTest, AboveTheLimitLaunchesAreCounted) {
  SharedRingWriter ring = device_->ring();
  for (std::uint64_t i = 1; i <= 20'000; ++i) ring.Push(Launch(i));
  frames_.Find([&](const proto::Frame& frame) { return LaunchesTotal(frame) == 20'000; });
  std::uint64_t listed = 0;
  std::uint64_t omitted = 0;
  for (const proto::Frame& frame : frames_.All()) {
    EXPECT_LE(frame.launches_size(), Hub::kMaxLaunches);
    listed += static_cast<std::uint64_t>(frame.launches_size());
    omitted += frame.launches_omitted();
  }
  EXPECT_EQ(listed + omitted, 20'000u);
  EXPECT_GT(omitted, 0u);
}

TEST_F(HubTest, LaunchesToldTogetherCountLikeOthers) {
  SharedRingWriter ring = device_->ring();
  ring.Push(Launch(1, 10'000));
  LaunchRunRecord run;
  run.header = MakeHeader<LaunchRunRecord>(RecordKind::kLaunchRun, 2'000'000);
  run.key = Launch(0).key;
  run.key.bytes = 50;
  run.last = LaunchRunRecord::Last(61, 60);
  for (std::uint64_t i = 0; i < run.count(); ++i) {
    const std::uint64_t ns = (i + 2) * 10'000;
    run.busy_ns += ns;
    run.wait_ns += 7;
    run.bucket[i] = static_cast<std::uint16_t>(Sketch::BucketOf(ns));
  }
  ring.Push(run);
  // Told once more by its client: its worker died just then.
  ring.Push(run);
  // What a kernel may have scribbled there is not believed.
  run.last = LaunchRunRecord::Last(62, 1);
  run.bucket[0] = 0xffff;
  ring.Push(run);
  for (int i = 0; i < 61; ++i) kernel_->CountLaunch();
  const proto::Frame frame =
      frames_.Find([&](const proto::Frame& frame) { return LaunchesTotal(frame) == 61; });
  ASSERT_EQ(frame.kernels_size(), 1);
  for (const proto::Work& work : {frame.kernels(0).work(), frame.core_classes(1).work()}) {
    EXPECT_EQ(work.launches_total(), 61u);
    EXPECT_EQ(work.busy_ns_total(), 61u * 62 / 2 * 10'000);
    EXPECT_EQ(work.wait_ns_total(), 100'000u + 60 * 7);
    EXPECT_EQ(work.bytes_total(), 60u * 50);
    EXPECT_EQ(work.queued(), 0u);
    EXPECT_NEAR(static_cast<double>(work.p50_ns()), 310'000, 3'100);
    EXPECT_NEAR(static_cast<double>(work.p99_ns()), 610'000, 6'100);
  }
  EXPECT_EQ(frame.launches_size(), 1);
  EXPECT_EQ(frame.launches_omitted(), 60u);
  EXPECT_EQ(frame.devices(0).busy_ns_total(), 61u * 62 / 2 * 10'000);
}

TEST_F(HubTest, WhatARingOverwroteIsCountedAsLost) {
  hub_->SetRate(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  SharedRingWriter ring = device_->ring();
  constexpr std::uint64_t kLaunches = 3 * kSlots;
  for (std::uint64_t i = 1; i <= kLaunches; ++i) ring.Push(Launch(i));
  hub_->SetRate(200);
  const proto::Frame frame = frames_.Find(
      [&](const proto::Frame& frame) { return frame.pipeline().records_lost_total() > 0; });
  const proto::Frame later = frames_.Find([&](const proto::Frame& later) {
    return later.pipeline().records_lost_total() + LaunchesTotal(later) == kLaunches;
  });
  EXPECT_GE(later.sequence(), frame.sequence());
}

TEST_F(HubTest, QuantilesAndRatesOfAKernel) {
  SharedRingWriter ring = device_->ring();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    LaunchRecord record = Launch(i, i * 10'000);
    record.key.bytes = 10'000;
    record.key.flops = 20'000;
    ring.Push(record);
    kernel_->CountLaunch();
  }
  kernel_->CountLaunch();  // one that still runs
  device_->flying = 1;
  const proto::Frame frame = frames_.Find([&](const proto::Frame& frame) {
    return frame.kernels_size() == 1 && frame.kernels(0).work().launches_total() == 100;
  });
  const proto::Work& work = frame.kernels(0).work();
  EXPECT_EQ(frame.kernels(0).name(), "saxpy");
  EXPECT_NEAR(static_cast<double>(work.p50_ns()), 500'000, 5'000);
  EXPECT_NEAR(static_cast<double>(work.p99_ns()), 990'000, 9'900);
  EXPECT_EQ(work.queued(), 1u);
  EXPECT_EQ(work.bytes_total(), 1'000'000u);
  EXPECT_EQ(work.busy_ns_total(), 50'500'000u);
  EXPECT_EQ(work.wait_ns_total(), 100u * 100'000);
  EXPECT_NEAR(work.occupancy(), 0.25, 1e-6);
  // All that the interval had is in one frame.
  const proto::Frame busy = frames_.Find([&](const proto::Frame& frame) {
    return frame.kernels_size() == 1 && frame.kernels(0).work().interval_launches() > 0;
  });
  const proto::Work& interval = busy.kernels(0).work();
  EXPECT_NEAR(interval.flops_per_second() / interval.bytes_per_second(), 2, 1e-9);
  const proto::Frame with_sketch = frames_.Find([&](const proto::Frame& frame) {
    return frame.kernels_size() == 1 && frame.kernels(0).work().has_sketch() &&
           frame.kernels(0).work().launches_total() == 100;
  });
  Sketch sketch;
  sketch.Merge(with_sketch.kernels(0).work().sketch());
  EXPECT_EQ(sketch.count(), 100u);
}

TEST_F(HubTest, AFrameListsTheKernelsThatItNamesBeforeAllOthers) {
  SharedRingWriter ring = device_->ring();
  std::vector<KernelTagRef> kernels;
  LaunchRecord launch = Launch(1);
  for (int i = 0; i < Hub::kMaxKernels + 50; ++i) {
    kernels.push_back(
        hub_->names().Kernel(number_, std::to_string(i), "many", proto::CORE_CLASS_AURA));
    launch.key.kernel = kernels.back()->number;
    ring.Push(launch);
  }
  // The last one, in every frame for more than the second after which all kernels come once more.
  std::uint64_t ticket = 1;
  for (int i = 0; i < 250; ++i) {
    launch.ticket = ++ticket;
    ring.Push(launch);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const auto names = [&](const proto::Frame& frame, std::uint64_t wanted) {
    return std::any_of(frame.launches().begin(), frame.launches().end(),
                       [&](const proto::Launch& found) { return found.ticket() == wanted; });
  };
  frames_.Find([&](const proto::Frame& frame) { return names(frame, ticket); });
  int full = 0;
  for (const proto::Frame& frame : frames_.All()) {
    EXPECT_LE(frame.kernels_size(), Hub::kMaxKernels);
    full += frame.kernels_size() == Hub::kMaxKernels;
    if (frame.launches_size() == 0) continue;
    const std::uint32_t named = frame.launches(frame.launches_size() - 1).kernel();
    EXPECT_TRUE(std::any_of(frame.kernels().begin(), frame.kernels().end(),
                            [&](const auto& kernel) { return kernel.kernel() == named; }) ||
                frame.launches_size() > Hub::kMaxKernels);
  }
  EXPECT_GT(full, 0) << "no frame was full";
}

TEST_F(HubTest, ValuesComeWithLabelsAgesAndReasons) {
  SharedRingWriter ring = device_->ring();
  device_->live = true;
  const auto series = [&](std::uint16_t number, proto::Metric metric, const char* label, int core) {
    SeriesRecord record;
    record.header = MakeHeader<SeriesRecord>(RecordKind::kSeries, NowNs());
    record.series = number;
    record.metric = static_cast<std::uint16_t>(metric);
    record.core = core;
    record.label.Set(label);
    record.source.Set("test");
    ring.Push(record);
  };
  series(0, proto::METRIC_TEMPERATURE_CELSIUS, "edge", -1);
  series(1, proto::METRIC_POWER_WATTS, "", -1);
  series(2, proto::METRIC_UTILIZATION_RATIO, "core1", 1);
  SampleRecord sample;
  const std::uint64_t read = NowNs() - 50'000'000;
  sample.header = MakeHeader<SampleRecord>(RecordKind::kSample, read);
  sample.count = 3;
  sample.value[0] = 61.5;
  sample.absence[1] = proto::ABSENCE_SLEEPING;
  sample.value[2] = 0.5;
  ring.Push(sample);
  // One that is older does not replace it.
  sample.header.time_ns = read - 1;
  sample.value[0] = 1;
  ring.Push(sample);
  const proto::Frame frame = frames_.Find([&](const proto::Frame& frame) {
    return frame.devices_size() == 1 && frame.devices(0).values_size() == 2 &&
           frame.devices(0).values(0).absence() == proto::ABSENCE_NONE;
  });
  const proto::DeviceSample& device = frame.devices(0);
  EXPECT_EQ(device.values(0).value(), 61.5);
  EXPECT_EQ(device.values(0).label(), "edge");
  EXPECT_EQ(device.values(0).source(), "test");
  EXPECT_EQ(device.values(0).age_us(), (frame.time_ns() - read) / 1000);
  EXPECT_EQ(device.values(1).absence(), proto::ABSENCE_SLEEPING);
  ASSERT_EQ(device.core_utilization_size(), 2);
  EXPECT_TRUE(std::isnan(device.core_utilization(0)));
  EXPECT_EQ(device.core_utilization(1), 0.5f);
  // Without its worker there is nothing to be said of it.
  device_->live = false;
  frames_.Find([&](const proto::Frame& frame) {
    return frame.devices_size() == 1 && frame.devices(0).values_size() == 2 &&
           frame.devices(0).values(0).absence() == proto::ABSENCE_NO_WORKER;
  });
}

TEST_F(HubTest, OwnersLabelsAndWhatRuns) {
  hub_->names().NameOwner(5, "<0.5.0>", "five");
  LaunchRecord record = Launch(1);
  record.key.label = hub_->names().Label("first step");
  device_->ring().Push(record);
  device_->flying = 40;
  const proto::Frame frame =
      frames_.Find([&](const proto::Frame& frame) { return frame.launches_size() == 1; });
  EXPECT_EQ(frame.launches(0).label(), "first step");
  ASSERT_EQ(frame.owners_size(), 1);
  EXPECT_EQ(frame.owners(0).process(), "<0.5.0>");
  EXPECT_EQ(frame.owners(0).name(), "five");
  const proto::Frame active =
      frames_.Find([&](const proto::Frame& frame) { return frame.active_size() > 0; });
  EXPECT_EQ(active.active_size(), Hub::kMaxActive);
  EXPECT_EQ(active.active_omitted(), 40u - Hub::kMaxActive);
}

TEST_F(HubTest, BlocksOfThePoolComeOnceASecondAndStayForATenth) {
  const proto::Frame second = frames_.Find([&](const proto::Frame& frame) {
    return device_->blocks_asked >= 2 && frame.devices_size() == 1 &&
           frame.devices(0).pool().blocks_size() > 0;
  });
  EXPECT_EQ(second.devices(0).pool().blocks_size(), Hub::kMaxPoolBlocks);
  EXPECT_EQ(second.devices(0).pool().blocks_omitted(), 3u);
  ASSERT_EQ(second.devices(0).pool().regions_size(), 1);
  int with = 0;
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
  for (const proto::Frame& frame : frames_.All()) {
    if (frame.devices_size() == 0) continue;
    if (first_ns == 0) first_ns = frame.time_ns();
    last_ns = frame.time_ns();
    if (frame.devices(0).pool().blocks_size() > 0) ++with;
  }
  // More than one frame in each second that has them, so that slow readers see them, and not all.
  EXPECT_GT(with, 2);
  EXPECT_LT(with, static_cast<int>(frames_.All().size()) / 2);
  EXPECT_LE(device_->blocks_asked, static_cast<int>((last_ns - first_ns) / 1'000'000'000) + 2);
}

TEST_F(HubTest, ALaunchThatItsWorkerTookAlongCountsOnce) {
  device_->ring().Push(Launch(7));
  hub_->LoseLaunch(number_, 7, 5, kernel_->number, 0, 0, 900'000, 14);  // it had its record
  hub_->LoseLaunch(number_, 8, 5, kernel_->number, 0, 0, 900'000, 14);
  const proto::Frame frame =
      frames_.Find([&](const proto::Frame& frame) { return LaunchesTotal(frame) == 2; });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(LaunchesTotal(frames_.All().back()), 2u);
  EXPECT_EQ(frame.core_classes(1).work().failed_total(), 1u);
}

TEST_F(HubTest, ADeviceComesAndGoes) {
  frames_.Find([&](const proto::Frame& frame) {
    return frame.events_size() > 0 && frame.events(0).kind() == proto::Event::KIND_DEVICE_OPENED;
  });
  const std::weak_ptr<FakeDevice> watched = device_;
  device_->ring().Push(Launch(1));
  hub_->RemoveDevice(number_);
  // It is not asked any more.
  device_.reset();
  EXPECT_TRUE(watched.expired());
  frames_.Find([&](const proto::Frame& frame) {
    return frame.devices_size() == 0 && frame.events_size() > 0 &&
           frame.events(0).kind() == proto::Event::KIND_DEVICE_CLOSED;
  });
}

TEST_F(HubTest, RecordsThatMakeNoSenseDoNoHarm) {
  SharedRingWriter ring = device_->ring();
  std::uint64_t state = 1;
  for (int i = 0; i < 5000; ++i) {
    AnyRecord record;
    std::uint64_t words[sizeof(record) / 8];
    for (std::uint64_t& word : words)
      word = state = state * 6364136223846793005u + 1442695040888963407u;
    std::memcpy(static_cast<void*>(&record), words, sizeof(record));
    record.header.kind = static_cast<RecordKind>(i % 8);
    ring.Push(record);
  }
  const std::uint64_t sequence = frames_.All().empty() ? 0 : frames_.All().back().sequence();
  frames_.Find([&](const proto::Frame& frame) { return frame.sequence() > sequence + 20; });
}

TEST_F(HubTest, OtherProcessesReadTheSameBytes) {
  ASSERT_TRUE(hub_->board_status().ok()) << hub_->board_status();
  absl::StatusOr<Attachment> system = AttachTo(getpid());
  ASSERT_TRUE(system.ok()) << system.status();
  std::string bytes;
  ASSERT_TRUE(system->frames().Wait(NowNs() + 5'000'000'000));
  ASSERT_EQ(system->frames().Next(&bytes), BoardReader::Result::kFrame);
  proto::Frame attached;
  ASSERT_TRUE(attached.ParseFromString(bytes));
  const proto::Frame same = frames_.Find(
      [&](const proto::Frame& frame) { return frame.sequence() == attached.sequence(); });
  EXPECT_EQ(same.SerializeAsString(), attached.SerializeAsString());
  hub_.reset();
  EXPECT_FALSE(system->alive());
}

TEST_F(HubTest, AFrameWaitsForTheSamplersTick) {
  device_->live = true;
  hub_->SetRate(20);
  SamplerControl& control = device_->telemetry_control();
  EXPECT_EQ(control.period_ns, 50'000'000u);
  std::atomic<bool> stop{false};
  // A sampler that answers each tick a millisecond after it is due.
  std::thread sampler([&] {
    SharedRingWriter ring = device_->ring();
    while (!stop) {
      const std::uint64_t due = (NowNs() / 50'000'000 + 1) * 50'000'000;
      while (NowNs() < due + 1'000'000) std::this_thread::sleep_for(std::chrono::microseconds(100));
      SamplerRecord record;
      record.header = MakeHeader<SamplerRecord>(RecordKind::kSampler, NowNs());
      record.due_ns = due;
      record.period_ns = 50'000'000;
      ring.Push(record);
      control.sampled_due_ns = due;
      control.bell.fetch_add(1);
      FutexWake(control.bell, 10);
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  stop = true;
  sampler.join();
  int fresh = 0;
  int all = 0;
  for (const proto::Frame& frame : frames_.All()) {
    if (frame.devices_size() == 0 || frame.devices(0).sampler().rate_hz() != 20) continue;
    ++all;
    if (frame.time_ns() - frame.devices(0).sampler().sample_ns() < 10'000'000) ++fresh;
  }
  EXPECT_GT(all, 5);
  // The test's own sampler may be late on a busy machine; without waiting hardly one would be
  // fresh.
  EXPECT_GE(2 * fresh, all);
}

TEST(IdleHub, RestsWhileNobodyLooksAndNothingHappens) {
  const HubRef hub = Hub::Start({.rate_hz = 200, .idle_rate_hz = 100, .publish = false});
  Frames frames;
  hub->SetSink(frames.Sink());
  const auto device = std::make_shared<FakeDevice>();
  hub->AddDevice(device);
  const auto period = [&] { return device->telemetry_control().period_ns.load(); };
  const auto becomes = [&](std::uint64_t ns) {
    const std::uint64_t until = NowNs() + 10 * kSecondNs;
    while (period() != ns && NowNs() < until) std::this_thread::sleep_for(kPause);
    return period() == ns;
  };
  EXPECT_TRUE(becomes(100 * kMillisecondNs)) << "a tenth of the idle rate";
  device->flying = 1;
  EXPECT_TRUE(becomes(10 * kMillisecondNs)) << "something runs";
  device->flying = 0;
  EXPECT_TRUE(becomes(100 * kMillisecondNs));
  LaunchRecord launch;
  launch.header = MakeHeader<LaunchRecord>(RecordKind::kLaunch, NowNs());
  device->ring().Push(launch);
  EXPECT_TRUE(becomes(10 * kMillisecondNs)) << "something has run";
  EXPECT_TRUE(becomes(100 * kMillisecondNs));
  hub->SetSubscribers(1);
  EXPECT_EQ(period(), 5 * kMillisecondNs) << "somebody looks";
  hub->SetSubscribers(0);
  hub->RemoveDevice(1);
}

TEST(IdleHub, TheBellOfAnyDeviceEmptiesItsRing) {
  // The first tick is a second away: until then the rings are emptied when they ask for it.
  const HubRef hub = Hub::Start({.rate_hz = 1, .publish = false});
  Frames frames;
  hub->SetSink(frames.Sink());
  const auto first = std::make_shared<FakeDevice>();
  const auto second = std::make_shared<FakeDevice>();
  hub->AddDevice(first);
  hub->AddDevice(second);
  constexpr std::uint64_t kLaunches = 4 * kSlots;
  SharedRingWriter ring = second->ring();
  LaunchRecord launch;
  launch.header = MakeHeader<LaunchRecord>(RecordKind::kLaunch, NowNs());
  SamplerControl& control = second->telemetry_control();
  for (std::uint64_t i = 1; i <= kLaunches; ++i) {
    launch.ticket = i;
    ring.Push(launch);
    if (i % (kSlots / 4) != 0) continue;
    control.bell.fetch_add(1);
    FutexWake(control.bell, 1);
    std::this_thread::sleep_for(kPause);
  }
  const proto::Frame frame = frames.Find([&](const proto::Frame& found) {
    return found.devices_size() == 2 && found.devices(1).launches_total() == kLaunches;
  });
  EXPECT_EQ(frame.pipeline().records_lost_total(), 0u);
  hub->RemoveDevice(1);
  hub->RemoveDevice(2);
}

TEST(PruneFrame, LeavesTheTopicsAskedFor) {
  proto::Frame frame;
  frame.set_sequence(9);
  frame.add_launches();
  frame.add_owners();
  proto::DeviceSample* const device = frame.add_devices();
  device->set_device(1);
  device->add_values();
  device->mutable_pool()->set_used_bytes(1);
  frame.GetReflection()->MutableUnknownFields(&frame)->AddVarint(31, 5);
  const std::string bytes = frame.SerializeAsString();
  proto::Frame pruned;
  ASSERT_TRUE(pruned.ParseFromString(*PruneEncoded(bytes, kTopicMemory)));
  EXPECT_EQ(pruned.sequence(), 9u);
  EXPECT_EQ(pruned.launches_size(), 0);
  EXPECT_EQ(pruned.owners_size(), 1);
  EXPECT_EQ(pruned.devices(0).values_size(), 0);
  EXPECT_EQ(pruned.devices(0).pool().used_bytes(), 1u);
  // What a newer runtime says is kept.
  EXPECT_EQ(pruned.GetReflection()->GetUnknownFields(pruned).field_count(), 1);
  ASSERT_TRUE(pruned.ParseFromString(*PruneEncoded(bytes, kTopicDevices)));
  EXPECT_EQ(pruned.devices(0).values_size(), 1);
  EXPECT_FALSE(pruned.devices(0).has_pool());
  EXPECT_EQ(PruneEncoded("\xff", kAllTopics).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Names, AreTheSameForTheSame) {
  Names names;
  const KernelTagRef a = names.Kernel(1, "key", "k", proto::CORE_CLASS_AURA);
  EXPECT_EQ(names.Kernel(1, "key", "k", proto::CORE_CLASS_AURA), a);
  EXPECT_NE(names.Kernel(2, "key", "k", proto::CORE_CLASS_AURA), a);
  EXPECT_NE(names.Kernel(1, "key", "k", proto::CORE_CLASS_MATRIX), a);
  EXPECT_EQ(names.FindKernel(a->number), a);
  EXPECT_EQ(names.FindKernel(0), nullptr);
  EXPECT_EQ(names.FindKernel(99), nullptr);
  EXPECT_EQ(names.Label(""), 0u);
  EXPECT_EQ(names.Label("x"), names.Label("x"));
  EXPECT_EQ(names.LabelOf(names.Label("x")), "x");
  EXPECT_EQ(names.LabelOf(names.Label(std::string(63, 'a') + "\u00e9")), std::string(63, 'a'));
}

TEST(Names, AreBounded) {
  Names names;
  for (std::size_t i = 0; i < 2 * Names::kMaxKernels; ++i) {
    const KernelTagRef tag = names.Kernel(1, "key", std::to_string(i), proto::CORE_CLASS_AURA);
    ASSERT_LE(tag->number, Names::kMaxKernels);
    ASSERT_LE(names.Label(std::to_string(i)), Names::kMaxLabels);
  }
  EXPECT_EQ(names.Kernel(1, "key", "one more", proto::CORE_CLASS_AURA)->name, "(others)");
  EXPECT_EQ(names.LabelOf(names.Label("one more")), "(others)");
}

}  // namespace
}  // namespace amdgpu::telemetry
