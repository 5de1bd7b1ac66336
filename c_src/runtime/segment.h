// The shared segment as either side maps it: made and reset by the client, opened by a worker.

#ifndef AMDGPU_C_SRC_RUNTIME_SEGMENT_H_
#define AMDGPU_C_SRC_RUNTIME_SEGMENT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "c_src/base/byte_ring.h"
#include "c_src/base/doorbell.h"
#include "c_src/base/shared_memory.h"
#include "c_src/base/unique_fd.h"
#include "c_src/runtime/protocol.h"

namespace amdgpu {

// Movable. The accessors are pointers into the mapping, valid while the segment lives.
class Segment {
 public:
  // A new one, of this build, with empty rings.
  static absl::StatusOr<Segment> Create();
  // Maps the one behind `fd` (not taken over). kFailedPrecondition, naming both, if it is of
  // another version or build.
  static absl::StatusOr<Segment> Open(int fd);

  int fd() const { return fd_.get(); }  // the client's; -1 in a worker
  protocol::SegmentHeader& header() const { return *header_; }
  protocol::CompletionRecord* completions() const;
  std::byte* staging() const { return mapping_.data() + header_->staging_offset; }
  void* telemetry() const { return mapping_.data() + header_->telemetry_offset; }

  ByteRingProducer CommandProducer() const;
  ByteRingConsumer CommandConsumer() const;
  ByteRingProducer PrintProducer() const;
  ByteRingConsumer PrintConsumer() const;

  // Rings the side that consumes the ring.
  static Doorbell Bell(protocol::RingControl& ring) { return {&ring.doorbell, &ring.sleeping}; }

  // The worker is gone: what it was about to tell is in the telemetry ring now.
  void EndTelemetry() const;
  // Empty rings and no fault, for the next worker. The last one must be gone. Telemetry goes on.
  void Reset() const;

 private:
  Segment(UniqueFd fd, Mapping mapping);

  UniqueFd fd_;
  Mapping mapping_;
  protocol::SegmentHeader* header_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_SEGMENT_H_
