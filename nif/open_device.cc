#include "nif/open_device.h"

#include <atomic>
#include <utility>
#include <vector>

#include "nif/resources.h"
#include "nif/telemetry.h"

namespace amdgpu::nif {
namespace {

// Owners are numbered across devices and never again: a late event of a dead process hits nobody.
std::atomic<OwnerId> next_owner{1};

std::atomic<std::uint64_t> next_serial{1};

// Who asked last on this scheduler, and what the answer was.
struct LastOwner {
  std::uint64_t device = 0;  // serial
  std::uint64_t ended = 0;   // as the device's was: any owner that ends may have had this pid
  ERL_NIF_TERM pid = 0;
  OwnerId owner = 0;
};
thread_local LastOwner last_owner;

}  // namespace

OpenDevice::OpenDevice(DeviceRef device)
    : device_(std::move(device)), serial_(next_serial.fetch_add(1, std::memory_order_relaxed)) {}

OpenDevice::~OpenDevice() {
  std::vector<OwnerResource*> resources;
  {
    MutexLock lock(&mutex_);
    for (const auto& [pid, resource] : owners_) resources.push_back(resource);
  }
  for (OwnerResource* resource : resources) enif_release_resource(resource);
}

std::optional<OwnerId> OpenDevice::OwnerOf(ErlNifEnv* env, const ErlNifPid& pid) {
  const std::uint64_t ended = ended_.load(std::memory_order_acquire);
  if (last_owner.pid == pid.pid && last_owner.device == serial_ && last_owner.ended == ended) {
    return last_owner.owner;
  }
  const std::optional<OwnerId> owner = FindOwner(env, pid);
  if (owner) last_owner = {serial_, ended, pid.pid, *owner};
  return owner;
}

OwnerId OpenDevice::CallerOf(ErlNifEnv* env) {
  ErlNifPid self;
  return enif_self(env, &self) == nullptr ? 0 : OwnerOf(env, self).value_or(0);
}

std::optional<OwnerId> OpenDevice::FindOwner(ErlNifEnv* env, const ErlNifPid& pid) {
  MutexLock lock(&mutex_);
  const auto found = owners_.find(pid.pid);
  if (found != owners_.end()) return found->second->owner;
  const OwnerId owner = next_owner.fetch_add(1, std::memory_order_relaxed);
  OwnerResource* resource =
      Resource<OwnerResource>::Allocate(OwnerResource{weak_from_this(), owner});
  if (enif_monitor_process(env, resource, &pid, nullptr) != 0) {
    enif_release_resource(resource);
    return std::nullopt;
  }
  owners_[pid.pid] = resource;
  pids_[owner] = pid;
  AnnounceOwner(env, owner, pid);
  return owner;
}

std::optional<ErlNifPid> OpenDevice::PidOf(OwnerId owner) const {
  MutexLock lock(&mutex_);
  const auto found = pids_.find(owner);
  if (found == pids_.end()) return std::nullopt;
  return found->second;
}

void OpenDevice::OnDown(const ErlNifPid& pid, OwnerId owner) {
  ended_.fetch_add(1, std::memory_order_acq_rel);
  device_->FreeOwner(owner);
  if (const telemetry::HubRef hub = Telemetry()) hub->names().EndOwner(owner);
  OwnerResource* resource = nullptr;
  {
    MutexLock lock(&mutex_);
    pids_.erase(owner);
    const auto found = owners_.find(pid.pid);
    if (found == owners_.end() || found->second->owner != owner) return;
    resource = found->second;
    owners_.erase(found);
  }
  enif_release_resource(resource);
}

}  // namespace amdgpu::nif
