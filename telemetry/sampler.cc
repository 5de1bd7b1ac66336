#include "telemetry/sampler.h"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "c_src/base/clock.h"
#include "c_src/base/futex.h"
#include "telemetry/record.h"

namespace amdgpu::telemetry {
namespace {

// A probe leaves its group when the quickest of this many readings took longer than it may.
constexpr int kPatience = 8;

std::uint64_t BudgetNs(Group group) {
  switch (group) {
    case Group::kFast:
      return kMillisecondNs / 2;
    case Group::kMedium:
      return 5 * kMillisecondNs;
    case Group::kSlow:
      return 100 * kMillisecondNs;
    case Group::kRare:
      break;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

Group Slower(Group group) {
  return group == Group::kFast ? Group::kMedium
                               : (group == Group::kMedium ? Group::kSlow : Group::kRare);
}

// The first multiple of `period` after `now`.
std::uint64_t NextMultiple(std::uint64_t now, std::uint64_t period) {
  return (now / period + 1) * period;
}

}  // namespace

std::uint64_t RecentPercentiles::At(double quantile) const {
  const std::size_t count = std::min(count_, values_.size());
  if (count == 0) return 0;
  std::array<std::uint64_t, 256> sorted = values_;
  const auto nth = sorted.begin() + std::min(count - 1, static_cast<std::size_t>(quantile * count));
  std::nth_element(sorted.begin(), nth, sorted.begin() + count);
  return *nth;
}

Sampler::Sampler(SharedRingWriter ring, SamplerControl& control, Probes probes,
                 std::function<void()> on_tick)
    : ring_(ring), control_(control), on_tick_(std::move(on_tick)) {
  std::size_t series = 0;
  for (std::unique_ptr<Probe>& probe : probes) {
    if (series + probe->series().size() > kMaxSeries) continue;
    auto sampled = std::make_unique<Sampled>();
    sampled->number = static_cast<std::uint16_t>(fast_.size() + slow_.size());
    sampled->first_series = static_cast<std::uint16_t>(series);
    sampled->group = probe->group();
    sampled->readings.resize(probe->series().size());
    series += probe->series().size();
    sampled->probe = std::move(probe);
    (sampled->group == Group::kFast ? fast_ : slow_).push_back(std::move(sampled));
  }
}

Sampler::~Sampler() {
  stop_.store(true);
  control_.changed.fetch_add(1);
  FutexWake(control_.changed, std::numeric_limits<int>::max());
  if (fast_thread_.joinable()) fast_thread_.join();
  if (slow_thread_.joinable()) slow_thread_.join();
}

void Sampler::Start() {
  moved_.reserve(fast_.size());
  slow_.reserve(fast_.size() + slow_.size());
  fast_thread_ = std::thread([this] { RunFast(); });
  slow_thread_ = std::thread([this] { RunSlow(); });
  started_.wait();
}

void Sampler::RunFast() {
  realtime_ = KeepTime();
  started_.count_down();
  std::uint64_t due = 0;
  std::uint64_t due_for = 0;  // the period that `due` was made with
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint32_t changed = control_.changed.load(std::memory_order_acquire);
    const std::uint64_t period = control_.period_ns.load(std::memory_order_acquire);
    if (period == 0) {
      due_for = 0;
      FutexWait(control_.changed, changed);
      continue;
    }
    std::uint64_t now = NowNs();
    if (due_for != period) {
      due = NextMultiple(now, period);
      due_for = period;
    }
    if (now < due) {
      // Also woken when the period changes.
      FutexWait(control_.changed, changed, due);
      if (control_.changed.load(std::memory_order_acquire) != changed) continue;
      now = NowNs();
      if (now < due) continue;
    }
    Tick(due, period);
    now = NowNs();
    const std::uint64_t next = NextMultiple(now, period);
    skipped_ += (next - due) / period - 1;
    due = next;
  }
}

void Sampler::Tick(std::uint64_t due_ns, std::uint64_t period_ns) {
  const std::uint64_t begun = NowNs();
  ++ticks_;
  lateness_.Add(begun - due_ns);
  for (std::size_t i = 0; i < fast_.size();) {
    Read(*fast_[i]);
    PushSample(*fast_[i]);
    if (Adapt(*fast_[i])) {
      const std::lock_guard lock(moved_mutex_);
      moved_.push_back(std::move(fast_[i]));
      fast_.erase(fast_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  if (begun >= next_own_ns_) {
    own_.rss_bytes = memory_.bytes();
    own_.cpu_ns = ProcessCpuNs();
    own_.lateness_p50_ns = lateness_.At(0.5);
    own_.lateness_p99_ns = lateness_.At(0.99);
    next_own_ns_ = begun + kSecondNs / 10;
  }
  if (begun >= next_repeat_ns_) {
    Repeat(fast_, begun);
    next_repeat_ns_ = begun + kSecondNs;
  }
  on_tick_();
  SamplerRecord record = own_;
  record.header = MakeHeader<SamplerRecord>(RecordKind::kSampler, NowNs());
  record.due_ns = due_ns;
  record.period_ns = period_ns;
  record.ticks = ticks_;
  record.skipped = skipped_;
  record.lateness_ns = begun - due_ns;
  record.realtime = realtime_ ? 1 : 0;
  ring_.Push(record);
  // The client says that it waits and looks once more; this looks whether it waits afterwards.
  control_.sampled_due_ns.store(due_ns, std::memory_order_seq_cst);
  control_.bell.fetch_add(1, std::memory_order_seq_cst);
  if (control_.client_waits.load(std::memory_order_seq_cst) != 0) {
    FutexWake(control_.bell, std::numeric_limits<int>::max());
  }
}

std::uint64_t Sampler::SlowPeriod(Group group) const {
  const std::uint64_t fast = control_.period_ns.load(std::memory_order_acquire);
  switch (group) {
    case Group::kFast:
    case Group::kMedium:
      return std::max(fast, kSecondNs / 10);
    case Group::kSlow:
      return std::max(fast, kSecondNs);
    case Group::kRare:
      break;
  }
  return 10 * kSecondNs;
}

void Sampler::RunSlow() {
  prctl(PR_SET_TIMERSLACK, 1ul, 0, 0, 0);
  started_.count_down();
  std::uint64_t next_repeat = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint32_t changed = control_.changed.load(std::memory_order_acquire);
    if (control_.period_ns.load(std::memory_order_acquire) == 0) {
      FutexWait(control_.changed, changed);
      continue;
    }
    {
      const std::lock_guard lock(moved_mutex_);
      for (std::unique_ptr<Sampled>& sampled : moved_) slow_.push_back(std::move(sampled));
      moved_.clear();
    }
    std::uint64_t now = NowNs();
    std::uint64_t wake = now + SlowPeriod(Group::kMedium);
    for (const std::unique_ptr<Sampled>& sampled : slow_) {
      if (now >= sampled->due_ns) {
        Read(*sampled);
        PushSample(*sampled);
        Adapt(*sampled);
        now = NowNs();
        sampled->due_ns = NextMultiple(now, SlowPeriod(sampled->group));
      }
      wake = std::min(wake, sampled->due_ns);
    }
    if (now >= next_repeat) {
      Repeat(slow_, now);
      next_repeat = now + kSecondNs;
    }
    FutexWait(control_.changed, changed, wake);
  }
}

void Sampler::Read(Sampled& sampled) {
  const std::uint64_t begun = NowNs();
  sampled.probe->Read(begun, absl::MakeSpan(sampled.readings));
  sampled.read_ns = NowNs();
  sampled.cost_ns = sampled.read_ns - begun;
}

bool Sampler::Adapt(Sampled& sampled) {
  sampled.least_cost_ns = std::min(sampled.least_cost_ns, sampled.cost_ns);
  if (++sampled.readings_since < kPatience) return false;
  const bool too_slow = sampled.least_cost_ns > BudgetNs(sampled.group);
  const bool was_fast = sampled.group == Group::kFast;
  sampled.readings_since = 0;
  sampled.least_cost_ns = ~std::uint64_t{0};
  if (!too_slow) return false;
  sampled.group = Slower(sampled.group);
  return was_fast;
}

void Sampler::PushSample(const Sampled& sampled) {
  for (std::size_t first = 0; first < sampled.readings.size(); first += SampleRecord::kMost) {
    SampleRecord record;
    record.header = MakeHeader<SampleRecord>(RecordKind::kSample, sampled.read_ns);
    record.first_series = static_cast<std::uint16_t>(sampled.first_series + first);
    record.count =
        static_cast<std::uint16_t>(std::min(SampleRecord::kMost, sampled.readings.size() - first));
    for (std::size_t i = 0; i < record.count; ++i) {
      record.value[i] = sampled.readings[first + i].value;
      record.absence[i] = static_cast<std::uint8_t>(sampled.readings[first + i].absence);
    }
    ring_.Push(record);
  }
}

void Sampler::Repeat(std::vector<std::unique_ptr<Sampled>>& group, std::uint64_t now_ns) {
  for (const std::unique_ptr<Sampled>& sampled : group) {
    const Probe& probe = *sampled->probe;
    for (std::size_t i = 0; i < probe.series().size(); ++i) {
      SeriesRecord record;
      record.header = MakeHeader<SeriesRecord>(RecordKind::kSeries, now_ns);
      record.series = static_cast<std::uint16_t>(sampled->first_series + i);
      record.metric = static_cast<std::uint16_t>(probe.series()[i].metric);
      record.core = probe.series()[i].core;
      record.label.Set(probe.series()[i].label);
      record.source.Set(probe.source());
      ring_.Push(record);
    }
    ProbeRecord record;
    record.header = MakeHeader<ProbeRecord>(RecordKind::kProbe, now_ns);
    record.period_ns = sampled->group == Group::kFast
                           ? control_.period_ns.load(std::memory_order_relaxed)
                           : SlowPeriod(sampled->group);
    record.cost_ns = sampled->cost_ns;
    record.probe = sampled->number;
    record.slowed = static_cast<std::uint16_t>(static_cast<int>(sampled->group) -
                                               static_cast<int>(probe.group()));
    record.source.Set(probe.source());
    record.name.Set(probe.name());
    ring_.Push(record);
    if (sampled->read_ns != 0) PushSample(*sampled);
  }
}

}  // namespace amdgpu::telemetry
