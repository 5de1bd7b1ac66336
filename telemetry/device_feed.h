// What the hub asks an open device for, besides the ring. c_src/runtime implements it.

#ifndef AMDGPU_TELEMETRY_DEVICE_FEED_H_
#define AMDGPU_TELEMETRY_DEVICE_FEED_H_

#include <cstddef>
#include <cstdint>

#include "proto/telemetry.pb.h"
#include "proto/worker.pb.h"
#include "telemetry/control.h"

namespace amdgpu::telemetry {

// Copies that the client's own processor made into device memory.
struct HostCopies {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t busy_ns = 0;
};

// Thread-safe; none of it blocks.
class DeviceFeed {
 public:
  virtual ~DeviceFeed() = default;

  virtual const proto::DeviceProperties& telemetry_properties() const = 0;
  // The worker's ring, in memory that lives as long as the feed, and what steers its sampler.
  virtual void* telemetry_ring() const = 0;
  virtual std::size_t telemetry_slots() const = 0;
  virtual SamplerControl& telemetry_control() const = 0;

  // There is a worker.
  virtual bool telemetry_live() const = 0;
  // Its number, when it started, and the restarts.
  virtual void FillWorker(proto::Worker* worker) const = 0;
  // With `most_owners` of the owners, largest first; none of them for 0, which is quick.
  virtual void FillPool(proto::Pool* pool, std::size_t most_owners) const = 0;
  // Appends the pool's regions and its blocks in use, by offset; of more than `most` the largest.
  virtual void FillBlocks(proto::Pool* pool, std::size_t most) const = 0;
  // Appends what is queued or runs, oldest first, at most `most`: all but `device` and `label`,
  // which is given as its number in `labels`. Returns how many launches there are in all. May list
  // none where very many end.
  virtual std::size_t FillActive(std::size_t most,
                                 google::protobuf::RepeatedPtrField<proto::ActiveLaunch>* active,
                                 std::uint32_t* labels) const = 0;
  // Commands that have not ended.
  virtual std::uint64_t in_flight() const = 0;
  virtual HostCopies host_copies() const = 0;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_DEVICE_FEED_H_
