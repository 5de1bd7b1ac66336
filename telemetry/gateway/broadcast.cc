#include "telemetry/gateway/broadcast.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace amdgpu::gateway {

namespace {

// A running system's frame is read within milliseconds.
constexpr std::uint64_t kLongAgoNs = 2'000'000'000;

}  // namespace

void Broadcast::Publish(std::string bytes, std::uint64_t missed, std::uint64_t now_ns) {
  // The first one may have waited on the board.
  const bool waited = latest_ == nullptr;
  ++counters_.frames_total;
  counters_.frames_missed_total += missed;
  latest_ = std::make_shared<EncodedFrame>(std::move(bytes));
  present_.Update(latest_->frame());
  const bool old = !waited && now_ns > latest_->frame().time_ns() + kLongAgoNs;
  if (std::exchange(replay_, old) != old) Notify("status", Status());
  const std::vector<std::string> lost = latest_->DevicesLost();
  for (Subscriber* subscriber : subscribers_) {
    for (const std::string& payload : lost) subscriber->Notice("device_lost", payload);
    subscriber->Offer(latest_);
  }
}

void Broadcast::RuntimeEnded(pid_t pid) {
  latest_ = nullptr;
  replay_ = false;
  present_.Clear();
  Notify("device_lost", absl::StrCat(R"({"device":null,"message":"the runtime in process )", pid,
                                     R"( has ended"})"));
}

void Broadcast::Notify(absl::string_view event, const std::string& payload) {
  for (Subscriber* subscriber : subscribers_) subscriber->Notice(event, payload);
}

std::string Broadcast::Status() const {
  return replay_ ? R"({"state":"replay"})" : R"({"state":"live"})";
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
