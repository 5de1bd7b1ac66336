#include "telemetry/hub.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "c_src/base/build_id.h"
#include "c_src/base/clock.h"
#include "c_src/base/futex.h"
#include "c_src/base/mutex.h"
#include "c_src/base/own_process.h"
#include "c_src/base/utf8.h"
#include "telemetry/attach_server.h"
#include "telemetry/board.h"
#include "telemetry/device_state.h"
#include "telemetry/frame_builder.h"

namespace amdgpu::telemetry {
namespace {

// While nobody looks and nothing happens ticks come so many times as seldom,
constexpr std::uint64_t kRestFactor = 10;
// after so many without work,
constexpr int kTicksBeforeRest = 3;
// and it is looked this often whether there is some again.
constexpr std::uint64_t kRestLookNs = kSecondNs;
// How long a frame waits for a sampler that is late.
constexpr std::uint64_t kMostGraceNs = 2 * kMillisecondNs;
// After a tick is due its sampling has usually been done.
constexpr std::uint64_t kSamplingNs = kMillisecondNs / 4;

std::uint64_t PeriodOf(double rate_hz) {
  if (!(rate_hz > 0)) return 0;
  return static_cast<std::uint64_t>(1e9 / std::clamp(rate_hz, 1.0, Hub::kMostHz));
}

class HubImpl final : public Hub {
 public:
  explicit HubImpl(const HubOptions& options)
      : idle_period_ns_(PeriodOf(options.idle_rate_hz)), wanted_ns_(PeriodOf(options.rate_hz)) {
    ApplyPeriod();
    if (options.publish) OpenBoard();
    thread_ = std::thread([this] { Run(); });
  }

  ~HubImpl() override {
    server_.reset();  // calls back
    stop_.store(true);
    Wake();
    thread_.join();
  }

  absl::Status board_status() const override { return board_status_; }
  std::string socket_path() const override {
    return server_ == nullptr ? "" : server_->socket_path();
  }

  void SetRate(double rate_hz) override {
    wanted_ns_.store(PeriodOf(rate_hz));
    ApplyPeriod();
  }
  double rate_hz() const override { return RateOf(wanted_ns_.load()); }

  void SetSink(Sink sink) override {
    MutexLock lock(&sink_mutex_);
    sink_ = std::move(sink);
  }
  void SetRecorder(Sink recorder) override {
    recorded_.store(recorder != nullptr);
    {
      MutexLock lock(&sink_mutex_);
      std::swap(recorder_, recorder);
    }
    ApplyPeriod();
  }
  void SetSubscribers(std::uint32_t count) override {
    subscribers_.store(count);
    ApplyPeriod();
  }
  void SetCompileStats(FillCompileStats fill) override {
    MutexLock lock(&sink_mutex_);
    compile_stats_ = std::move(fill);
  }

  std::uint32_t AddDevice(std::shared_ptr<DeviceFeed> feed) override {
    std::uint32_t number;
    {
      MutexLock lock(&mutex_);
      number = next_device_++;
      SetPeriod(*feed);
      feeds_.emplace_back(number, std::move(feed));
      feeds_changed_ = true;
    }
    proto::Event event;
    event.set_kind(proto::Event::KIND_DEVICE_OPENED);
    event.set_device(number);
    AddEvent(std::move(event));
    Wake();
    return number;
  }

  void RemoveDevice(std::uint32_t device) override {
    {
      MutexLock lock(&mutex_);
      const auto gone = std::remove_if(feeds_.begin(), feeds_.end(), [device](const auto& entry) {
        return entry.first == device;
      });
      if (gone == feeds_.end()) return;
      feeds_.erase(gone, feeds_.end());
      feeds_changed_ = true;
    }
    Wake();
    {
      // The caller's is the last reference from now on.
      MutexLock lock(&mutex_);
      while (feeds_changed_) feeds_taken_.Wait(&mutex_);
    }
    names_.DropDevice(device);
    proto::Event event;
    event.set_kind(proto::Event::KIND_DEVICE_CLOSED);
    event.set_device(device);
    AddEvent(std::move(event));
  }

  Names& names() override { return names_; }

  void LoseLaunch(std::uint32_t device, std::uint64_t ticket, std::uint64_t owner,
                  std::uint32_t kernel, std::uint32_t label, std::uint32_t stream,
                  std::uint64_t queued_ns, std::int32_t status) override {
    if (period_ns_.load(std::memory_order_relaxed) == 0) return;
    LaunchRecord record;
    record.header = MakeHeader<LaunchRecord>(RecordKind::kLaunch, NowNs());
    record.ticket = ticket;
    record.key.owner = owner;
    record.key.kernel = kernel;
    record.key.label = label;
    record.key.stream = stream;
    record.queued_ns = queued_ns;
    record.started_ns = record.header.time_ns;
    record.key.status = status;
    MutexLock lock(&mutex_);
    if (lost_launches_.size() < kMostPending) lost_launches_.emplace_back(device, record);
  }

  void AddCompile(proto::Compile compile) override {
    compile.set_kernel(MakeValidUtf8(compile.kernel()));
    MutexLock lock(&mutex_);
    if (compiles_.size() < kMostPending) compiles_.push_back(std::move(compile));
  }

  void AddEvent(proto::Event event) override {
    if (event.time_ns() == 0) event.set_time_ns(NowNs());
    event.set_message(MakeValidUtf8(event.message()));
    MutexLock lock(&mutex_);
    if (events_.size() < kMostPending) events_.push_back(std::move(event));
  }

 private:
  // Of what waits for the next frame. As many commands may be in flight on a device.
  static constexpr std::size_t kMostPending = 16384;

  void OpenBoard() {
    absl::StatusOr<BoardWriter> board = BoardWriter::Create();
    board_status_ = board.status();
    if (!board.ok()) return;
    board_.emplace(*std::move(board));
    absl::StatusOr<std::unique_ptr<AttachServer>> server =
        AttachServer::Start(board_->read_only_fd(), [this](int attached) {
          attached_.store(attached);
          ApplyPeriod();
        });
    board_status_ = server.status();
    if (server.ok()) server_ = *std::move(server);
  }

  // The period that is wanted, or the longer one for while nobody looks.
  void ApplyPeriod() {
    {
      MutexLock lock(&mutex_);
      std::uint64_t period = wanted_ns_.load();
      if (period != 0 && !LookedAt() && idle_period_ns_ != 0) {
        period = std::max(period, idle_period_ns_) * (resting_.load() ? kRestFactor : 1);
      }
      if (period_ns_.exchange(period) == period) return;
      for (const auto& [number, feed] : feeds_) SetPeriod(*feed);
    }
    Wake();
  }

  bool LookedAt() const {
    return subscribers_.load() != 0 || attached_.load() != 0 || recorded_.load();
  }

  void SetPeriod(DeviceFeed& feed) const {
    SamplerControl& control = feed.telemetry_control();
    control.period_ns.store(period_ns_.load(), std::memory_order_release);
    control.changed.fetch_add(1, std::memory_order_release);
    FutexWake(control.changed, std::numeric_limits<int>::max());
  }

  void Wake() {
    wake_.fetch_add(1, std::memory_order_release);
    FutexWake(wake_, std::numeric_limits<int>::max());
  }

  // The thread's: whether to rest from now on.
  void SetResting(bool resting) {
    quiet_ticks_ = 0;
    if (resting_.exchange(resting) != resting) ApplyPeriod();
  }

  void TakeFeeds() {
    MutexLock lock(&mutex_);
    if (!feeds_changed_) return;
    std::vector<std::unique_ptr<DeviceState>> states;
    for (const auto& [number, feed] : feeds_) {
      const auto same = std::find_if(devices_.begin(), devices_.end(), [number](const auto& state) {
        return state != nullptr && state->number() == number;
      });
      states.push_back(same != devices_.end() ? std::move(*same)
                                              : std::make_unique<DeviceState>(number, feed));
    }
    for (const auto& gone : devices_) {
      if (gone == nullptr) continue;
      Drain(*gone);  // its last words
      records_gone_ += gone->records();
      lost_gone_ += gone->lost();
    }
    devices_ = std::move(states);
    feeds_changed_ = false;
    feeds_taken_.SignalAll();
  }

  void Drain(DeviceState& device) {
    device.Drain(
        [&](const LaunchRecord& launch) {
          builder_.AddLaunch(device, launch);
          ++work_;
        },
        [&](const LaunchRunRecord& run) {
          builder_.AddRun(device, run);
          work_ += run.count();
        },
        [&](const CopyRecord& copy) {
          builder_.AddCopy(device, copy);
          ++work_;
        },
        [&](const proto::Event& event) {
          builder_.AddEvent(event);
          ++work_;
        });
  }

  void DrainAll() {
    for (const auto& device : devices_) Drain(*device);
  }

  void Run() {
    realtime_ = KeepTime();
    std::uint64_t due = 0;
    std::uint64_t due_for = 0;
    while (!stop_.load()) {
      const std::uint32_t woken = wake_.load(std::memory_order_acquire);
      TakeFeeds();
      const std::uint64_t period = period_ns_.load();
      if (period == 0) {
        DrainAll();
        due_for = 0;
        FutexWait(wake_, woken);
        continue;
      }
      std::uint64_t now = NowNs();
      if (due_for != period) {
        due = (now / period + 1) * period;
        due_for = period;
      }
      if (!WaitForTick(due, period, woken)) continue;
      now = NowNs();
      MakeFrame(now, now > due ? now - due : 0);
      const bool quiet = !Busy() && !LookedAt();
      work_ = 0;
      quiet_ticks_ = quiet ? quiet_ticks_ + 1 : 0;
      if (quiet_ticks_ >= kTicksBeforeRest && !resting_.load()) SetResting(true);
      const std::uint64_t next = (NowNs() / period + 1) * period;
      if (next > due + period) skipped_ += (next - due) / period - 1;
      due = next;
    }
  }

  // Until every live sampler has done the tick that is due at `due`, or time is up; emptying the
  // rings meanwhile. False: something changed, look again.
  bool WaitForTick(std::uint64_t due, std::uint64_t period, std::uint32_t woken) {
    const std::uint64_t deadline = due + std::min(kMostGraceNs, period / 4);
    const std::uint64_t usual = due + std::min(kSamplingNs, period / 8);
    while (true) {
      if (stop_.load() || wake_.load(std::memory_order_acquire) != woken) return false;
      // A bell has been rung since we looked, or the sampler sees that we wait.
      SamplerControl* waited = nullptr;
      words_ = {{&wake_, woken}};
      for (const auto& device : devices_) {
        SamplerControl& control = device->feed().telemetry_control();
        words_.push_back({&control.bell, control.bell.load(std::memory_order_acquire)});
        if (waited == nullptr && device->feed().telemetry_live() &&
            control.sampled_due_ns.load(std::memory_order_seq_cst) < due) {
          waited = &control;
        }
      }
      const std::uint64_t now = NowNs();
      const std::uint64_t until = waited == nullptr ? due : deadline;
      if (now >= until) return true;
      const bool late = now >= usual;
      std::uint64_t wake_at = late ? until : std::min(until, usual);
      if (resting_.load()) wake_at = std::min(wake_at, now + kRestLookNs);
      const bool say_so = late && waited != nullptr;
      if (say_so) waited->client_waits.store(1, std::memory_order_seq_cst);
      // Bells tell in time that rings want to be emptied.
      FutexWaitAny(words_, wake_at);
      if (say_so) waited->client_waits.store(0, std::memory_order_seq_cst);
      DrainAll();
      if (resting_.load() && Busy()) SetResting(false);
    }
  }

  void MakeFrame(std::uint64_t now, std::uint64_t lateness_ns) {
    DrainAll();
    TakePending();
    FrameFigures figures;
    figures.now_ns = now;
    figures.pipeline.set_rate_hz(RateOf(period_ns_.load()));
    figures.pipeline.set_frames_total(frames_ + 1);
    figures.pipeline.set_skipped_total(skipped_);
    figures.pipeline.set_lateness_ns(lateness_ns);
    std::uint64_t records = records_gone_;
    std::uint64_t lost = lost_gone_;
    for (const auto& device : devices_) {
      records += device->records();
      lost += device->lost();
    }
    figures.pipeline.set_records_total(records);
    figures.pipeline.set_records_lost_total(lost);
    figures.pipeline.set_assemble_ns(assemble_ns_);
    figures.pipeline.set_encode_ns(encode_ns_);
    figures.pipeline.set_frame_bytes(encoded_.size());
    figures.pipeline.set_subscribers(subscribers_.load());
    figures.pipeline.set_attached(static_cast<std::uint32_t>(attached_.load()));
    figures.pipeline.set_realtime(realtime_);
    MutexLock lock(&sink_mutex_);
    builder_.Build(figures, devices_, compile_stats_);
    const std::uint64_t assembled = NowNs();
    builder_.Encode(&encoded_);
    const std::uint64_t encoded = NowNs();
    assemble_ns_ = assembled - now;
    encode_ns_ = encoded - assembled;
    ++frames_;
    if (board_.has_value()) board_->Publish(encoded_);
    if (sink_) sink_(encoded_);
    if (recorder_) recorder_(encoded_);
  }

  // Something has happened since the last tick, or runs.
  bool Busy() {
    if (work_ != 0) return true;
    for (const auto& device : devices_) {
      if (device->feed().in_flight() != 0) return true;
    }
    MutexLock lock(&mutex_);
    return !lost_launches_.empty() || !compiles_.empty() || !events_.empty();
  }

  void TakePending() {
    std::vector<std::pair<std::uint32_t, LaunchRecord>> lost;
    std::vector<proto::Compile> compiles;
    std::vector<proto::Event> events;
    {
      MutexLock lock(&mutex_);
      lost.swap(lost_launches_);
      compiles.swap(compiles_);
      events.swap(events_);
    }
    // What a worker told of them came before they were lost.
    if (!lost.empty()) DrainAll();
    for (const auto& [number, record] : lost) {
      for (const auto& device : devices_) {
        if (device->number() != number || device->Saw(record.ticket)) continue;
        builder_.AddLaunch(*device, record);
      }
    }
    for (proto::Compile& compile : compiles) builder_.AddCompile(std::move(compile));
    for (const proto::Event& event : events) builder_.AddEvent(event);
    work_ += lost.size() + compiles.size() + events.size();
  }

  absl::Status board_status_ = absl::UnavailableError("frames are not published");
  std::optional<BoardWriter> board_;
  std::unique_ptr<AttachServer> server_;
  Names names_;
  const std::uint64_t idle_period_ns_;
  std::atomic<std::uint64_t> wanted_ns_;
  std::atomic<std::uint64_t> period_ns_{0};  // in force
  std::atomic<std::uint32_t> subscribers_{0};
  std::atomic<int> attached_{0};
  std::atomic<bool> recorded_{false};
  std::atomic<bool> resting_{false};
  std::atomic<bool> stop_{false};
  std::atomic<std::uint32_t> wake_{0};

  // Order: sink_mutex_ before mutex_.
  Mutex sink_mutex_;
  Sink sink_ ABSL_GUARDED_BY(sink_mutex_);
  Sink recorder_ ABSL_GUARDED_BY(sink_mutex_);
  FillCompileStats compile_stats_ ABSL_GUARDED_BY(sink_mutex_);

  Mutex mutex_;
  std::uint32_t next_device_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<std::pair<std::uint32_t, std::shared_ptr<DeviceFeed>>> feeds_ ABSL_GUARDED_BY(mutex_);
  bool feeds_changed_ ABSL_GUARDED_BY(mutex_) = false;
  CondVar feeds_taken_;
  std::vector<std::pair<std::uint32_t, LaunchRecord>> lost_launches_ ABSL_GUARDED_BY(mutex_);
  std::vector<proto::Compile> compiles_ ABSL_GUARDED_BY(mutex_);
  std::vector<proto::Event> events_ ABSL_GUARDED_BY(mutex_);

  // The thread's.
  std::vector<std::unique_ptr<DeviceState>> devices_;
  FrameBuilder builder_{names_};
  std::string encoded_;
  std::uint64_t frames_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t assemble_ns_ = 0;
  std::uint64_t encode_ns_ = 0;
  std::uint64_t records_gone_ = 0;
  std::uint64_t lost_gone_ = 0;
  std::uint64_t work_ = 0;  // what has happened since the last tick
  int quiet_ticks_ = 0;     // in a row, unseen and without work
  bool realtime_ = false;
  std::vector<FutexWord> words_;

  std::thread thread_;
};

}  // namespace

std::shared_ptr<Hub> Hub::Start(HubOptions options) { return std::make_shared<HubImpl>(options); }

}  // namespace amdgpu::telemetry
