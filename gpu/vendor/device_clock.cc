#include "gpu/vendor/device_clock.h"

#include <algorithm>

#include "c_src/base/clock.h"
#include "gpu/vendor/errors.h"

namespace amdgpu::vendor {
namespace {

// More than clocks drift apart, and little enough that an idle second does no harm.
constexpr double kCreep = 100e-6;
// A float has 24 bits: after this long from the base a step is 0.12 us.
constexpr std::uint64_t kRebaseNs = 1'000'000'000;

}  // namespace

bool DeviceClock::Measure(Event event, double* device_ns) {
  float milliseconds = 0;
  if (context_.api().EventElapsedTime(&milliseconds, base_, event) != kSuccess) return false;
  *device_ns = base_ns_ + static_cast<double>(milliseconds) * 1e6;
  return true;
}

Result DeviceClock::Start(Stream stream) {
  const VendorApi& api = context_.api();
  Event event = nullptr;
  Result result = events_.Take(&event);
  if (result != kSuccess) return result;
  result = api.EventRecord(event, stream);
  if (result == kSuccess) result = api.EventSynchronize(event);
  if (result == kSuccess) {
    Retire(event, NowNs());
  } else {
    events_.Give(event);
  }
  return result;
}

std::uint64_t DeviceClock::When(Event event, std::uint64_t seen_ns) {
  MutexLock lock(&mutex_);
  double device_ns = 0;
  if (base_ == nullptr || !Measure(event, &device_ns)) return seen_ns;
  const double now = static_cast<double>(seen_ns);
  if (seen_ns > offset_at_ns_) {
    offset_ns_ += static_cast<double>(seen_ns - offset_at_ns_) * kCreep;
    offset_at_ns_ = seen_ns;
  }
  offset_ns_ = std::min(offset_ns_, now - device_ns);
  return static_cast<std::uint64_t>(std::max(0.0, device_ns + offset_ns_));
}

void DeviceClock::Retire(Event event, std::uint64_t seen_ns) {
  Event retired = event;
  {
    MutexLock lock(&mutex_);
    double device_ns = 0;
    if (base_ == nullptr) {
      base_ = event;
      base_ns_ = 0;
      base_seen_ns_ = seen_ns;
      offset_ns_ = static_cast<double>(seen_ns);
      offset_at_ns_ = seen_ns;
      return;
    }
    // By our clock first: asking the vendor costs a call that the launching thread's wait for.
    if (seen_ns > base_seen_ns_ + kRebaseNs && Measure(event, &device_ns) && device_ns > base_ns_) {
      retired = base_;
      base_ = event;
      base_ns_ = device_ns;
      base_seen_ns_ = seen_ns;
    }
  }
  events_.Give(retired);
}

}  // namespace amdgpu::vendor
