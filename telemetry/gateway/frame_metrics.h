// What /metrics says: the present of a runtime, with the canonical names of telemetry/metrics.h.

#ifndef AMDGPU_TELEMETRY_GATEWAY_FRAME_METRICS_H_
#define AMDGPU_TELEMETRY_GATEWAY_FRAME_METRICS_H_

#include <cstdint>
#include <map>
#include <string>

#include "proto/telemetry.pb.h"
#include "telemetry/gateway/metrics_text.h"

namespace amdgpu::gateway {

// Of the gateway itself.
struct GatewayCounters {
  std::uint64_t connections = 0;  // now
  std::uint64_t connections_total = 0;
  std::uint64_t connections_refused_total = 0;  // above the limit
  std::uint64_t subscribers = 0;                // now
  std::uint64_t frames_total = 0;               // read from runtimes
  std::uint64_t frames_missed_total = 0;        // that this process was too slow for
  std::uint64_t frames_sent_total = 0;          // to all clients together
  std::uint64_t frames_conflated_total = 0;     // that a client got a later one instead of
  std::uint64_t sent_bytes_total = 0;           // of frames
};

// The newest frame, and of the kernels, which not every frame has, the newest of each.
class Present {
 public:
  static constexpr std::size_t kMaxKernels = 4096;

  void Update(const proto::Frame& frame);
  // The runtime has ended.
  void Clear();

  bool known() const { return known_; }
  const proto::Frame& frame() const { return frame_; }
  const std::map<std::uint32_t, proto::KernelStats>& kernels() const { return kernels_; }

 private:
  bool known_ = false;
  proto::Frame frame_;
  std::map<std::uint32_t, proto::KernelStats> kernels_;
};

// Of no frame: the gateway's own counters alone.
std::string WriteMetrics(const Present& present, const GatewayCounters& counters,
                         TextFormat format);

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_FRAME_METRICS_H_
