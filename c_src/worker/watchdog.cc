#include "c_src/worker/watchdog.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "c_src/base/clock.h"
#include "c_src/base/error.h"

namespace amdgpu::worker {

Watchdog::Watchdog(std::function<void(const Expired&)> on_expired,
                   std::function<std::uint64_t(std::uint64_t)> look)
    : on_expired_(std::move(on_expired)), look_(std::move(look)) {}

absl::Status Watchdog::Start() {
  timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  if (!timer_.valid()) return ErrnoError(errno, "timerfd_create");
  std::thread([this] { Run(); }).detach();
  return absl::OkStatus();
}

void Watchdog::Watch(gpu::Ticket ticket, gpu::FunctionHandle function, std::uint64_t timeout_ns) {
  const std::lock_guard lock(mutex_);
  watched_.push_back({{ticket, function, timeout_ns}, 0});
}

void Watchdog::OnStart(gpu::Ticket ticket, std::uint64_t started_ns) {
  std::uint64_t timeout_ns = kNever;
  {
    const std::lock_guard lock(mutex_);
    for (Watched& watched : watched_) {
      if (watched.launch.ticket != ticket) continue;
      watched.started_ns = started_ns;
      timeout_ns = watched.launch.timeout_ns;
    }
  }
  if (timeout_ns < kNever - started_ns) LookAt(started_ns + timeout_ns);
}

void Watchdog::OnEnd(gpu::Ticket ticket) {
  const std::lock_guard lock(mutex_);
  watched_.erase(
      std::remove_if(watched_.begin(), watched_.end(),
                     [ticket](const Watched& watched) { return watched.launch.ticket == ticket; }),
      watched_.end());
}

void Watchdog::Arm(std::uint64_t at_ns) {
  const std::lock_guard lock(arm_mutex_);
  if (armed_for_.load(std::memory_order_seq_cst) <= at_ns) return;
  armed_for_.store(at_ns, std::memory_order_seq_cst);
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(at_ns / 1'000'000'000u);
  // Zero would disarm.
  when.it_value.tv_nsec = std::max(1l, static_cast<long>(at_ns % 1'000'000'000u));
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Watchdog::Run() {
  while (true) {
    std::uint64_t expirations;
    if (read(timer_.get(), &expirations, sizeof(expirations)) < 0) continue;
    // From here on LookAt arms the timer again: what happens after this is not missed.
    armed_for_.store(kNever, std::memory_order_seq_cst);
    const std::uint64_t now = NowNs();
    const std::uint64_t next = std::min(CheckTimeouts(now), look_(now));
    if (next != kNever) LookAt(next);
  }
}

std::uint64_t Watchdog::CheckTimeouts(std::uint64_t now_ns) {
  Expired expired;
  std::uint64_t next = kNever;
  {
    const std::lock_guard lock(mutex_);
    for (const Watched& watched : watched_) {
      if (watched.started_ns == 0) continue;
      if (watched.launch.timeout_ns >= kNever - watched.started_ns) continue;
      const std::uint64_t deadline = watched.started_ns + watched.launch.timeout_ns;
      if (deadline <= now_ns) expired = watched.launch;
      next = std::min(next, deadline);
    }
  }
  if (expired.ticket != 0) on_expired_(expired);
  return next;
}

}  // namespace amdgpu::worker
