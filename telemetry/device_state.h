// What the hub knows of one device: the latest value of every series, and what its ring has said.

#ifndef AMDGPU_TELEMETRY_DEVICE_STATE_H_
#define AMDGPU_TELEMETRY_DEVICE_STATE_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "proto/telemetry.pb.h"
#include "telemetry/device_feed.h"
#include "telemetry/record.h"
#include "telemetry/ring.h"

namespace amdgpu::telemetry {

// Ticks a second; 0 for a period of 0. Periods are whole nanoseconds: 60.000002 is meant to be 60.
double RateOf(std::uint64_t period_ns);

// The hub's thread alone.
class DeviceState {
 public:
  DeviceState(std::uint32_t number, std::shared_ptr<DeviceFeed> feed);

  std::uint32_t number() const { return number_; }
  DeviceFeed& feed() const { return *feed_; }
  std::uint64_t records() const { return records_; }
  std::uint64_t lost() const { return reader_.lost(); }

  // Takes in what is in the ring.
  void Drain(absl::FunctionRef<void(const LaunchRecord&)> on_launch,
             absl::FunctionRef<void(const LaunchRunRecord&)> on_run,
             absl::FunctionRef<void(const CopyRecord&)> on_copy,
             absl::FunctionRef<void(const proto::Event&)> on_event);

  // `sample` is what was filled in for this device before, or new. `probes`: with how they do.
  void Fill(std::uint64_t now_ns, std::uint64_t interval_ns, bool owners, bool probes,
            proto::DeviceSample* sample);

  // Share of the device that a launch has threads for.
  float Occupancy(const LaunchKey& launch) const;
  void Count(const LaunchRecord& launch);
  void Count(const LaunchRunRecord& run);
  // Among the last few launches was this one: its worker died between its record and its
  // completion.
  bool Saw(std::uint64_t ticket) const;

 private:
  struct SeriesState {
    proto::Metric metric = proto::METRIC_UNSPECIFIED;
    std::string label;
    std::string source;
    int core = -1;
    bool known = false;
    double value = 0;
    proto::Absence absence = proto::ABSENCE_PENDING;
    std::uint64_t read_ns = 0;
  };
  struct Copies {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    std::uint64_t busy_ns = 0;
    std::uint64_t interval_bytes = 0;
    std::uint64_t interval_ns = 0;

    void Add(std::uint64_t copied, std::uint64_t ns);
    void Fill(proto::CopyStats* stats);
  };

  void OnSeries(const SeriesRecord& record);
  void OnSample(const SampleRecord& record);
  void OnProbe(const ProbeRecord& record, absl::FunctionRef<void(const proto::Event&)> on_event);
  void OnRun(const LaunchRunRecord& run,
             absl::FunctionRef<void(const LaunchRunRecord&)> on_run) const;
  void OnCopy(const CopyRecord& record);
  void Count(std::uint64_t last_ticket, std::uint64_t launches, std::uint64_t busy_ns);
  void Describe(proto::DeviceSample* sample) const;
  void FillValues(std::uint64_t now_ns, proto::DeviceSample* sample);
  void FillWorker(proto::DeviceSample* sample);
  void FillSampler(bool probes, proto::DeviceSample* sample) const;

  const std::uint32_t number_;
  const std::shared_ptr<DeviceFeed> feed_;
  RingReader reader_;
  std::uint64_t records_ = 0;
  std::vector<SeriesState> series_;  // by number
  bool series_changed_ = true;       // since the values were laid out in the sample
  std::map<std::uint16_t, ProbeRecord> probes_;
  SamplerRecord sampler_;
  SamplerRecord cpu_before_;  // the sampler's record that the worker's CPU ratio is counted from
  double cpu_ratio_ = 0;
  Copies in_;
  Copies out_;
  Copies within_;
  HostCopies host_copies_;
  std::array<std::uint64_t, 64> last_tickets_{};
  std::size_t next_ticket_ = 0;
  std::uint64_t launches_ = 0;
  std::uint64_t busy_ns_ = 0;
  std::uint64_t next_blocks_ns_ = 0;  // the pool's blocks are listed again then
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_DEVICE_STATE_H_
