// What the gateway knows now and who is to be told: between the frame source and the clients.

#ifndef AMDGPU_TELEMETRY_GATEWAY_BROADCAST_H_
#define AMDGPU_TELEMETRY_GATEWAY_BROADCAST_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <unordered_set>

#include "absl/strings/string_view.h"
#include "telemetry/gateway/encoded_frame.h"
#include "telemetry/gateway/frame_metrics.h"

namespace amdgpu::gateway {

// One client that joined.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  // Never waits: keeps the frame, instead of an older one that was not sent, or passes it over.
  virtual void Offer(const std::shared_ptr<EncodedFrame>& frame) = 0;
  // An event besides frames, with its payload (JSON); an older one may be dropped for it.
  virtual void Notice(absl::string_view event, const std::string& payload) = 0;
};

// On the io thread only.
class Broadcast {
 public:
  // `now_ns` on the frames' clock.
  void Publish(std::string bytes, std::uint64_t missed, std::uint64_t now_ns);
  void RuntimeEnded(pid_t pid);
  // To everybody who joined. `event` is a constant.
  void Notify(absl::string_view event, const std::string& payload);
  // The payload of a `status`, JSON: {"state": "live" | "replay"}
  std::string Status() const;

  void Add(Subscriber* subscriber);
  void Remove(Subscriber* subscriber);

  // Null before the first frame and after the runtime's end.
  const std::shared_ptr<EncodedFrame>& latest() const { return latest_; }
  // The frames are a recording's: they were made long before they came.
  bool replay() const { return replay_; }
  const Present& present() const { return present_; }
  GatewayCounters& counters() { return counters_; }

 private:
  std::unordered_set<Subscriber*> subscribers_;
  std::shared_ptr<EncodedFrame> latest_;
  bool replay_ = false;
  Present present_;
  GatewayCounters counters_;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_BROADCAST_H_
