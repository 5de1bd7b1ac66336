// The frames of a running system, found, followed, and found again after it has ended.

#ifndef AMDGPU_TELEMETRY_GATEWAY_FRAME_SOURCE_H_
#define AMDGPU_TELEMETRY_GATEWAY_FRAME_SOURCE_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "telemetry/attach.h"

namespace amdgpu::gateway {

// A thread that sleeps on the frame board. Its callbacks come on that thread.
class FrameSource {
 public:
  struct Callbacks {
    // Every frame in order, beginning with the newest there is when it attaches. `missed`: how many
    // were overtaken before this one.
    std::function<void(std::string frame, std::uint64_t missed)> frame;
    // The system that gave frames has ended.
    std::function<void(pid_t pid)> ended;
  };

  // `pid` 0: the newest system of this user.
  FrameSource(pid_t pid, Callbacks callbacks);
  // Returns when no callback runs any more.
  ~FrameSource();
  FrameSource(const FrameSource&) = delete;
  FrameSource& operator=(const FrameSource&) = delete;

 private:
  void Run();
  void Follow(telemetry::Attachment& system);

  const pid_t pid_;
  const Callbacks callbacks_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_FRAME_SOURCE_H_
