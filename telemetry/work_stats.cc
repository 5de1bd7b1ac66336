#include "telemetry/work_stats.h"

namespace amdgpu::telemetry {
namespace {

double Rate(std::uint64_t amount, std::uint64_t ns) {
  return ns == 0 ? 0 : static_cast<double>(amount) * 1e9 / static_cast<double>(ns);
}

}  // namespace

void WorkStats::Add(const LaunchRecord& launch, float occupancy) {
  ++launches_;
  ++interval_.launches;
  // Clocks of a device may be a little off those of the host.
  const std::uint64_t ended = launch.header.time_ns;
  const std::uint64_t started = launch.started_ns;
  const std::uint64_t busy = ended > started ? ended - started : 0;
  wait_ns_ += started > launch.queued_ns ? started - launch.queued_ns : 0;
  if (launch.status != 0) {
    ++failed_;
    return;
  }
  busy_ns_ += busy;
  interval_.busy_ns += busy;
  sketch_.Add(busy);
  if (launch.bytes != 0) {
    bytes_ += launch.bytes;
    interval_.bytes += launch.bytes;
    interval_.bytes_ns += busy;
  }
  if (launch.flops != 0) {
    flops_ += launch.flops;
    interval_.flops += launch.flops;
    interval_.flops_ns += busy;
  }
  interval_.occupancy_ns += static_cast<double>(occupancy) * static_cast<double>(busy);
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
