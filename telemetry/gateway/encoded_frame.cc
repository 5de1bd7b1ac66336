#include "telemetry/gateway/encoded_frame.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "telemetry/frame_json.h"
#include "telemetry/gateway/channel_message.h"
#include "telemetry/metrics.h"
#include "telemetry/prune.h"

namespace amdgpu::gateway {
namespace {

std::string LaunchJson(const proto::Launch& launch, const std::string& kernel,
                       const std::string& process) {
  return absl::StrCat(R"({"device":)", launch.device(), R"(,"ticket":)", launch.ticket(),
                      R"(,"kernel":)", JsonString(kernel), R"(,"core_class":")",
                      telemetry::CoreClassName(launch.core_class()), R"(","stream":)",
                      launch.stream(), R"(,"process":)", JsonString(process), R"(,"label":)",
                      JsonString(launch.label()), R"(,"queued_ns":)", launch.queued_ns(),
                      R"(,"started_ns":)", launch.started_ns(), R"(,"ended_ns":)",
                      launch.ended_ns(), R"(,"status":)", launch.status(), "}");
}

}  // namespace

EncodedFrame::EncodedFrame(std::string bytes) {
  if (!frame_.ParseFromString(bytes)) {
    frame_.Clear();
    bytes.clear();
  }
  protobuf_[telemetry::kAllTopics] = std::make_shared<const std::string>(std::move(bytes));
}

Bytes EncodedFrame::Payload(Encoding encoding, std::uint32_t topics) {
  topics &= telemetry::kAllTopics;
  Bytes& made = encoding == Encoding::kJson ? json_[topics] : protobuf_[topics];
  if (made == nullptr) {
    proto::Frame selected;
    const bool whole = topics == telemetry::kAllTopics;
    if (!whole) {
      selected = frame_;
      telemetry::PruneFrame(topics, &selected);
    }
    const proto::Frame& frame = whole ? frame_ : selected;
    made = std::make_shared<const std::string>(
        encoding == Encoding::kJson ? telemetry::FrameJson(frame) : frame.SerializeAsString());
  }
  return made;
}

Bytes EncodedFrame::Launches() {
  if (launches_ != nullptr || frame_.launches().empty()) return launches_;
  absl::flat_hash_map<std::uint32_t, std::string> kernels;
  for (const proto::KernelStats& kernel : frame_.kernels()) {
    kernels.emplace(kernel.kernel(), kernel.name());
  }
  absl::flat_hash_map<std::uint64_t, std::string> owners;
  for (const proto::Owner& owner : frame_.owners()) owners.emplace(owner.owner(), owner.process());
  std::string told;
  const int count = frame_.launches_size();
  for (int i = std::max(0, count - kMaxLaunchesTold); i < count; ++i) {
    const proto::Launch& launch = frame_.launches(i);
    absl::StrAppend(&told, told.empty() ? "" : ",",
                    LaunchJson(launch, kernels[launch.kernel()], owners[launch.owner()]));
  }
  launches_ = std::make_shared<const std::string>(
      absl::StrCat(R"({"sequence":)", frame_.sequence(), R"(,"count":)",
                   static_cast<std::uint64_t>(count) + frame_.launches_omitted(),
                   R"(,"launches":[)", told, "]}"));
  return launches_;
}

std::vector<std::string> EncodedFrame::DevicesLost() const {
  std::vector<std::string> lost;
  for (const proto::Event& event : frame_.events()) {
    if (event.kind() != proto::Event::KIND_DEVICE_LOST) continue;
    lost.push_back(absl::StrCat(R"({"device":)", event.device(), R"(,"time_ns":)", event.time_ns(),
                                R"(,"message":)", JsonString(event.message()), "}"));
  }
  return lost;
}

}  // namespace amdgpu::gateway
