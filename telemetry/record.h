// The records that travel through the telemetry ring.

#ifndef AMDGPU_TELEMETRY_RECORD_H_
#define AMDGPU_TELEMETRY_RECORD_H_

#include <cstdint>

#include "telemetry/ring.h"

namespace amdgpu::telemetry {

enum class RecordKind : std::uint32_t {
  kNone = 0,
  kLaunch = 1,  // a launch has ended
};

// Every record begins with this.
struct RecordHeader {
  RecordKind kind = RecordKind::kNone;
  std::uint32_t reserved = 0;
  std::uint64_t time_ns = 0;  // NowNs() when it was written
};

struct LaunchRecord {
  RecordHeader header;
  std::uint64_t ticket = 0;
  std::uint64_t function = 0;  // the worker's handle
  std::uint64_t queued_ns = 0;
  std::uint64_t started_ns = 0;
  std::uint64_t ended_ns = 0;
  std::uint32_t stream = 0;
  std::int32_t status = 0;  // absl::StatusCode
  std::uint32_t grid[3] = {};
  std::uint32_t block[3] = {};
  std::uint32_t dynamic_shared_bytes = 0;
};
static_assert(RingRecord<LaunchRecord>);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RECORD_H_
