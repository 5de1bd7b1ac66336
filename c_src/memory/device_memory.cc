#include "c_src/memory/device_memory.h"

#include <utility>

namespace amdgpu {

DeviceMemory::DeviceMemory(const Options& options)
    : pool_(&clocks_, options.pool),
      limits_(&pool_, options.device_limit),
      statistics_(&limits_),
      log_(&statistics_, &clocks_),
      top_(&log_) {
  limits_.SetDefaultOwnerLimit(options.default_owner_limit);
}

std::vector<Fence> DeviceMemory::PendingFences() const {
  return top_.WithLock([this] { return pool_.PendingFences(); });
}

MemoryUsage DeviceMemory::Usage() const {
  return top_.WithLock([this] { return statistics_.Usage(); });
}

std::vector<OwnerUsage> DeviceMemory::ByOwner() const {
  return top_.WithLock([this] { return statistics_.ByOwner(); });
}

void DeviceMemory::ResetPeak() {
  top_.WithLock([this] { statistics_.ResetPeak(); });
}

void DeviceMemory::SetDeviceLimit(std::uint64_t bytes) {
  top_.WithLock([&] { limits_.SetDeviceLimit(bytes); });
}

void DeviceMemory::SetOwnerLimit(OwnerId owner, std::uint64_t bytes) {
  top_.WithLock([&] { limits_.SetOwnerLimit(owner, bytes); });
}

void DeviceMemory::SetDefaultOwnerLimit(std::uint64_t bytes) {
  top_.WithLock([&] { limits_.SetDefaultOwnerLimit(bytes); });
}

absl::Status DeviceMemory::StartLog(const std::string& path) {
  return top_.WithLock([&] { return log_.Start(path); });
}

absl::Status DeviceMemory::StartLog(LogAdaptor::Callback callback) {
  return top_.WithLock([&] { return log_.Start(std::move(callback)); });
}

absl::Status DeviceMemory::StopLog() {
  return top_.WithLock([this] { return log_.Stop(); });
}

}  // namespace amdgpu
