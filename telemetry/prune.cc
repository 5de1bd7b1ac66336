#include "telemetry/prune.h"

namespace amdgpu::telemetry {

void PruneFrame(std::uint32_t topics, proto::Frame* frame) {
  if ((topics & kTopicKernels) == 0) {
    frame->clear_launches();
    frame->clear_active();
    frame->clear_copies();
    frame->clear_compiles();
    frame->clear_kernels();
    frame->clear_core_classes();
    frame->clear_compile_stats();
  }
  for (proto::DeviceSample& device : *frame->mutable_devices()) {
    if ((topics & kTopicMemory) == 0) device.clear_pool();
    if ((topics & kTopicDevices) != 0) continue;
    device.clear_values();
    device.clear_core_utilization();
    device.clear_core_hertz();
    device.clear_worker();
    device.clear_sampler();
    if ((topics & kTopicKernels) != 0) continue;
    device.clear_copies_in();
    device.clear_copies_out();
    device.clear_copies_within();
  }
  if ((topics & (kTopicKernels | kTopicMemory)) == 0) frame->clear_owners();
}

absl::StatusOr<std::string> PruneEncoded(absl::string_view bytes, std::uint32_t topics) {
  proto::Frame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not a frame");
  }
  PruneFrame(topics, &frame);
  return frame.SerializeAsString();
}

}  // namespace amdgpu::telemetry
