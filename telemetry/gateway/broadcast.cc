#include "telemetry/gateway/broadcast.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace amdgpu::gateway {

void Broadcast::Publish(std::string bytes, std::uint64_t missed) {
  ++counters_.frames_total;
  counters_.frames_missed_total += missed;
  latest_ = std::make_shared<EncodedFrame>(std::move(bytes));
  present_.Update(latest_->frame());
  const std::vector<std::string> lost = latest_->DevicesLost();
  for (Subscriber* subscriber : subscribers_) {
    for (const std::string& payload : lost) subscriber->DeviceLost(payload);
    subscriber->Offer(latest_);
  }
}

void Broadcast::RuntimeEnded(pid_t pid) {
  latest_ = nullptr;
  present_.Clear();
  const std::string payload =
      absl::StrCat(R"({"device":null,"message":"the runtime in process )", pid, R"( has ended"})");
  for (Subscriber* subscriber : subscribers_) subscriber->DeviceLost(payload);
}

void Broadcast::Add(Subscriber* subscriber) {
  subscribers_.insert(subscriber);
  counters_.subscribers = subscribers_.size();
}

void Broadcast::Remove(Subscriber* subscriber) {
  subscribers_.erase(subscriber);
  counters_.subscribers = subscribers_.size();
}

}  // namespace amdgpu::gateway
