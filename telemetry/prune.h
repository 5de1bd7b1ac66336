// Frames for who wants less: by topic.

#ifndef AMDGPU_TELEMETRY_PRUNE_H_
#define AMDGPU_TELEMETRY_PRUNE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

// Bits of a set of topics. Sequence, times, runtime, events, the pipeline and
// what the devices are called is in every frame.
enum Topic : std::uint32_t {
  kTopicDevices = 1,  // values of devices, workers, samplers
  kTopicKernels = 2,  // launches, kernels, core classes, compiles, copies
  kTopicMemory = 4,   // pools, and who holds what
  kAllTopics = 7,
};

// Leaves in the frame what belongs to `topics`.
void PruneFrame(std::uint32_t topics, proto::Frame* frame);

// The same for an encoded frame. kInvalidArgument if it is none.
absl::StatusOr<std::string> PruneEncoded(absl::string_view bytes, std::uint32_t topics);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_PRUNE_H_
