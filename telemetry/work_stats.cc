#include "telemetry/work_stats.h"

namespace amdgpu::telemetry {
namespace {

double Rate(std::uint64_t amount, std::uint64_t ns) {
  return ns == 0 ? 0 : static_cast<double>(amount) * 1e9 / static_cast<double>(ns);
}

}  // namespace

void WorkStats::Add(const LaunchRecord& launch, float occupancy) {
  AddEnded(1, launch.wait_ns());
  if (launch.key.status != 0) {
    ++failed_;
    return;
  }
  AddBusy(launch.key, 1, launch.busy_ns(), occupancy);
  sketch_.Add(launch.busy_ns());
}

void WorkStats::Add(const LaunchRunRecord& run, float occupancy) {
  AddEnded(run.count(), run.wait_ns);
  AddBusy(run.key, run.count(), run.busy_ns, occupancy);
  for (std::size_t i = 0; i < run.count(); ++i) sketch_.AddTo(run.bucket[i], 1);
}

void WorkStats::AddEnded(std::uint64_t count, std::uint64_t wait_ns) {
  launches_ += count;
  interval_.launches += count;
  wait_ns_ += wait_ns;
}

void WorkStats::AddBusy(const LaunchKey& key, std::uint64_t count, std::uint64_t busy_ns,
                        float occupancy) {
  busy_ns_ += busy_ns;
  interval_.busy_ns += busy_ns;
  if (key.bytes != 0) {
    bytes_ += count * key.bytes;
    interval_.bytes += count * key.bytes;
    interval_.bytes_ns += busy_ns;
  }
  if (key.flops != 0) {
    flops_ += count * key.flops;
    interval_.flops += count * key.flops;
    interval_.flops_ns += busy_ns;
  }
  interval_.occupancy_ns += static_cast<double>(occupancy) * static_cast<double>(busy_ns);
}

void WorkStats::Fill(proto::Work* work) const {
  work->set_launches_total(launches_);
  work->set_failed_total(failed_);
  work->set_busy_ns_total(busy_ns_);
  work->set_wait_ns_total(wait_ns_);
  work->set_bytes_total(bytes_);
  work->set_flops_total(flops_);
  work->set_interval_launches(interval_.launches);
  work->set_interval_busy_ns(interval_.busy_ns);
  work->set_bytes_per_second(Rate(interval_.bytes, interval_.bytes_ns));
  work->set_flops_per_second(Rate(interval_.flops, interval_.flops_ns));
  work->set_occupancy(
      interval_.busy_ns == 0
          ? 0
          : static_cast<float>(interval_.occupancy_ns / static_cast<double>(interval_.busy_ns)));
  work->set_p50_ns(sketch_.Quantile(0.50));
  work->set_p99_ns(sketch_.Quantile(0.99));
}

}  // namespace amdgpu::telemetry
