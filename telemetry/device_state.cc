#include "telemetry/device_state.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/utf8.h"
#include "telemetry/hub.h"
#include "telemetry/sketch.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::uint64_t kGpuThreadsOfUnit = 2048;

std::uint64_t AgeUs(std::uint64_t now_ns, std::uint64_t then_ns) {
  return now_ns > then_ns ? (now_ns - then_ns) / 1000 : 0;
}

// A kernel may have scribbled over the ring.
bool IsSound(const LaunchRunRecord& run) {
  return std::all_of(run.bucket, run.bucket + run.count(),
                     [](std::uint16_t bucket) { return bucket < Sketch::kBuckets; });
}

}  // namespace

double RateOf(std::uint64_t period_ns) {
  if (period_ns == 0) return 0;
  return std::round(1e12 / static_cast<double>(period_ns)) / 1e3;
}

void DeviceState::Copies::Add(std::uint64_t copied, std::uint64_t ns) {
  ++count;
  bytes += copied;
  busy_ns += ns;
  interval_bytes += copied;
  interval_ns += ns;
}

void DeviceState::Copies::Fill(proto::CopyStats* stats) {
  stats->set_count_total(count);
  stats->set_bytes_total(bytes);
  stats->set_busy_ns_total(busy_ns);
  stats->set_interval_bytes(interval_bytes);
  stats->set_bytes_per_second(interval_ns == 0 ? 0
                                               : static_cast<double>(interval_bytes) * 1e9 /
                                                     static_cast<double>(interval_ns));
  interval_bytes = 0;
  interval_ns = 0;
}

DeviceState::DeviceState(std::uint32_t number, std::shared_ptr<DeviceFeed> feed)
    : number_(number),
      feed_(std::move(feed)),
      reader_(feed_->telemetry_ring(), feed_->telemetry_slots()) {
  reader_.Rewind();
}

void DeviceState::Drain(absl::FunctionRef<void(const LaunchRecord&)> on_launch,
                        absl::FunctionRef<void(const LaunchRunRecord&)> on_run,
                        absl::FunctionRef<void(const CopyRecord&)> on_copy,
                        absl::FunctionRef<void(const proto::Event&)> on_event) {
  AnyRecord record;
  // Writers go on meanwhile: no more than a ring's worth in one go.
  const std::uint64_t end = reader_.cursor() + feed_->telemetry_slots();
  while (reader_.cursor() < end) {
    const RingReader::Result result = reader_.Next(&record, WordsOfRecord);
    if (result == RingReader::Result::kEmpty) return;
    if (result == RingReader::Result::kLost) continue;
    ++records_;
    switch (record.header.kind) {
      case RecordKind::kLaunch:
        on_launch(record.As<LaunchRecord>());
        break;
      case RecordKind::kLaunchRun:
        OnRun(record.As<LaunchRunRecord>(), on_run);
        break;
      case RecordKind::kCopy:
        OnCopy(record.As<CopyRecord>());
        on_copy(record.As<CopyRecord>());
        break;
      case RecordKind::kSeries:
        OnSeries(record.As<SeriesRecord>());
        break;
      case RecordKind::kSample:
        OnSample(record.As<SampleRecord>());
        break;
      case RecordKind::kSampler:
        sampler_ = record.As<SamplerRecord>();
        break;
      case RecordKind::kProbe:
        OnProbe(record.As<ProbeRecord>(), on_event);
        break;
      case RecordKind::kNone:
        break;
    }
  }
}

void DeviceState::OnSeries(const SeriesRecord& record) {
  // A kernel may have scribbled over the ring: numbers are believed within bounds.
  if (record.series >= 4096) return;
  if (record.series >= series_.size()) series_.resize(record.series + 1u);
  SeriesState& state = series_[record.series];
  const auto metric = static_cast<proto::Metric>(record.metric);
  if (state.known && state.metric == metric && state.core == record.core &&
      state.label == MakeValidUtf8(record.label.view())) {
    return;
  }
  state.known = true;
  state.metric = metric;
  state.core = record.core;
  state.label = MakeValidUtf8(record.label.view());
  state.source = MakeValidUtf8(record.source.view());
  series_changed_ = true;
}

void DeviceState::OnSample(const SampleRecord& record) {
  for (std::size_t i = 0; i < std::min<std::size_t>(record.count, SampleRecord::kMost); ++i) {
    const std::size_t number = record.first_series + i;
    if (number >= series_.size()) series_.resize(std::min<std::size_t>(number + 1, 4096));
    if (number >= series_.size()) return;
    SeriesState& state = series_[number];
    // A repeated value may come after a newer one.
    if (record.header.time_ns < state.read_ns) continue;
    state.value = record.value[i];
    state.absence = static_cast<proto::Absence>(record.absence[i]);
    state.read_ns = record.header.time_ns;
  }
}

void DeviceState::OnProbe(const ProbeRecord& record,
                          absl::FunctionRef<void(const proto::Event&)> on_event) {
  if (record.probe >= 256) return;
  const auto [entry, fresh] = probes_.try_emplace(record.probe, record);
  if (!fresh && record.slowed > entry->second.slowed) {
    proto::Event event;
    event.set_kind(proto::Event::KIND_PROBE_SLOWED);
    event.set_device(number_);
    event.set_time_ns(record.header.time_ns);
    event.set_message(MakeValidUtf8(
        absl::StrCat(record.source.view(), " ", record.name.view(), " took ", record.cost_ns / 1000,
                     " us and is read every ", record.period_ns / 1'000'000, " ms from now on")));
    on_event(event);
  }
  entry->second = record;
}

void DeviceState::OnRun(const LaunchRunRecord& run,
                        absl::FunctionRef<void(const LaunchRunRecord&)> on_run) const {
  // A worker that died just after it had told of it leaves it to be told once more.
  if (IsSound(run) && !Saw(run.last_ticket())) on_run(run);
}

void DeviceState::OnCopy(const CopyRecord& record) {
  if (record.status != 0) return;
  const std::uint64_t ended = record.header.time_ns;
  const std::uint64_t ns = ended > record.started_ns ? ended - record.started_ns : 0;
  switch (record.direction) {
    case proto::Copy::DIRECTION_IN:
      return in_.Add(record.bytes, ns);
    case proto::Copy::DIRECTION_OUT:
      return out_.Add(record.bytes, ns);
    default:
      return within_.Add(record.bytes, ns);
  }
}

void DeviceState::Count(const LaunchRecord& launch) { Count(launch.ticket, 1, launch.busy_ns()); }

void DeviceState::Count(const LaunchRunRecord& run) {
  Count(run.last_ticket(), run.count(), run.busy_ns);
}

void DeviceState::Count(std::uint64_t last_ticket, std::uint64_t launches, std::uint64_t busy_ns) {
  last_tickets_[next_ticket_++ % last_tickets_.size()] = last_ticket;
  launches_ += launches;
  busy_ns_ += busy_ns;
}

bool DeviceState::Saw(std::uint64_t ticket) const {
  return std::find(last_tickets_.begin(), last_tickets_.end(), ticket) != last_tickets_.end();
}

float DeviceState::Occupancy(const LaunchKey& launch) const {
  const proto::DeviceProperties& properties = feed_->telemetry_properties();
  const double units = std::max(1u, properties.compute_units());
  const double blocks = static_cast<double>(launch.grid[0]) * launch.grid[1] * launch.grid[2];
  if (properties.kind() == "host") return static_cast<float>(std::min(1.0, blocks / units));
  const double threads = static_cast<double>(launch.block[0]) * launch.block[1] * launch.block[2];
  return static_cast<float>(
      std::min(1.0, blocks * threads / (units * static_cast<double>(kGpuThreadsOfUnit))));
}

void DeviceState::Describe(proto::DeviceSample* sample) const {
  const proto::DeviceProperties& properties = feed_->telemetry_properties();
  sample->set_device(number_);
  sample->set_kind(properties.kind());
  sample->set_index(properties.index());
  sample->set_name(properties.name());
  sample->set_arch(properties.arch());
  sample->set_uuid(properties.uuid());
  sample->set_pci_address(properties.pci_address());
  sample->set_compute_units(properties.compute_units());
}

void DeviceState::Fill(std::uint64_t now_ns, std::uint64_t interval_ns, bool owners, bool probes,
                       proto::DeviceSample* sample) {
  if (sample->device() != number_) {
    sample->Clear();
    Describe(sample);
    series_changed_ = true;
  }
  FillValues(now_ns, sample);
  FillWorker(sample);
  if (owners) {
    sample->clear_pool();
    feed_->FillPool(sample->mutable_pool(), Hub::kMaxPoolOwners);
    sample->mutable_pool()->set_owners_age_us(0);
    // They stay in the message until the owners are asked for again.
    if (now_ns >= next_blocks_ns_) {
      next_blocks_ns_ = now_ns + kSecondNs;
      feed_->FillBlocks(sample->mutable_pool(), Hub::kMaxPoolBlocks);
    }
  } else {
    feed_->FillPool(sample->mutable_pool(), 0);
    sample->mutable_pool()->set_owners_age_us(sample->pool().owners_age_us() + interval_ns / 1000);
  }
  const HostCopies host = feed_->host_copies();
  in_.count += host.count - host_copies_.count;
  in_.bytes += host.bytes - host_copies_.bytes;
  in_.busy_ns += host.busy_ns - host_copies_.busy_ns;
  in_.interval_bytes += host.bytes - host_copies_.bytes;
  in_.interval_ns += host.busy_ns - host_copies_.busy_ns;
  host_copies_ = host;
  in_.Fill(sample->mutable_copies_in());
  out_.Fill(sample->mutable_copies_out());
  within_.Fill(sample->mutable_copies_within());
  FillSampler(probes, sample);
  sample->set_launches_total(launches_);
  sample->set_launches_in_flight(feed_->in_flight());
  sample->set_busy_ns_total(busy_ns_);
}

void DeviceState::FillValues(std::uint64_t now_ns, proto::DeviceSample* sample) {
  if (series_changed_) {
    sample->clear_values();
    sample->clear_core_utilization();
    sample->clear_core_hertz();
  }
  const bool live = feed_->telemetry_live();
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  int place = 0;
  std::uint64_t cores_ns = 0;
  for (const SeriesState& state : series_) {
    if (!state.known) continue;
    const bool present = live && state.absence == proto::ABSENCE_NONE;
    if (state.core >= 0 && state.core < 1024) {
      auto* const cores = state.metric == proto::METRIC_CLOCK_HERTZ
                              ? sample->mutable_core_hertz()
                              : sample->mutable_core_utilization();
      if (cores->size() <= state.core) cores->Resize(state.core + 1, kNone);
      cores->Set(state.core, present ? static_cast<float>(state.value) : kNone);
      if (state.metric == proto::METRIC_UTILIZATION_RATIO) {
        cores_ns = std::max(cores_ns, state.read_ns);
      }
      continue;
    }
    proto::Value* value;
    if (place < sample->values_size()) {
      value = sample->mutable_values(place);
    } else {
      value = sample->add_values();
      value->set_metric(state.metric);
      value->set_label(state.label);
      value->set_source(state.source);
    }
    ++place;
    value->set_value(present ? state.value : 0);
    value->set_absence(live ? state.absence : proto::ABSENCE_NO_WORKER);
    value->set_age_us(AgeUs(now_ns, state.read_ns));
  }
  if (cores_ns != 0) sample->set_core_age_us(AgeUs(now_ns, cores_ns));
  series_changed_ = false;
}

void DeviceState::FillWorker(proto::DeviceSample* sample) {
  proto::Worker* const worker = sample->mutable_worker();
  feed_->FillWorker(worker);
  // Over half a second at least: the kernel's counters are coarse beside a tick.
  const std::uint64_t now = sampler_.header.time_ns;
  if (sampler_.cpu_ns < cpu_before_.cpu_ns) cpu_before_ = sampler_;  // another worker
  if (now > cpu_before_.header.time_ns + kSecondNs / 2) {
    if (cpu_before_.header.time_ns != 0) {
      cpu_ratio_ = static_cast<double>(sampler_.cpu_ns - cpu_before_.cpu_ns) /
                   static_cast<double>(now - cpu_before_.header.time_ns);
    }
    cpu_before_ = sampler_;
  }
  const bool live = feed_->telemetry_live();
  worker->set_cpu_ratio(live ? cpu_ratio_ : 0);
  worker->set_rss_bytes(live ? sampler_.rss_bytes : 0);
  worker->set_cpu_ns_total(sampler_.cpu_ns);
}

void DeviceState::FillSampler(bool probes, proto::DeviceSample* sample) const {
  proto::Sampler* const sampler = sample->mutable_sampler();
  sampler->set_rate_hz(RateOf(sampler_.period_ns));
  sampler->set_ticks_total(sampler_.ticks);
  sampler->set_skipped_total(sampler_.skipped);
  sampler->set_lateness_ns(sampler_.lateness_ns);
  sampler->set_lateness_p50_ns(sampler_.lateness_p50_ns);
  sampler->set_lateness_p99_ns(sampler_.lateness_p99_ns);
  sampler->set_realtime(sampler_.realtime != 0);
  sampler->set_sample_ns(sampler_.header.time_ns);
  sampler->clear_probes();
  if (!probes) return;
  for (const auto& [number, record] : probes_) {
    proto::Probe* const probe = sampler->add_probes();
    probe->set_source(MakeValidUtf8(record.source.view()));
    probe->set_name(MakeValidUtf8(record.name.view()));
    probe->set_rate_hz(RateOf(record.period_ns));
    probe->set_cost_ns(record.cost_ns);
    probe->set_slowed(record.slowed != 0);
  }
}

}  // namespace amdgpu::telemetry
