#include "nif/open_device.h"

#include <atomic>
#include <utility>
#include <vector>

#include "nif/resources.h"

namespace amdgpu::nif {
namespace {

// Owners are numbered across devices and never again: a late event of a dead process hits nobody.
std::atomic<OwnerId> next_owner{1};

}  // namespace

OpenDevice::~OpenDevice() {
  std::vector<OwnerResource*> resources;
  {
    MutexLock lock(&mutex_);
    for (const auto& [pid, resource] : owners_) resources.push_back(resource);
  }
  for (OwnerResource* resource : resources) enif_release_resource(resource);
}

std::optional<OwnerId> OpenDevice::OwnerOf(ErlNifEnv* env, const ErlNifPid& pid) {
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
  return owner;
}

std::optional<ErlNifPid> OpenDevice::PidOf(OwnerId owner) const {
  MutexLock lock(&mutex_);
  const auto found = pids_.find(owner);
  if (found == pids_.end()) return std::nullopt;
  return found->second;
}

void OpenDevice::OnDown(const ErlNifPid& pid, OwnerId owner) {
  device_->FreeOwner(owner);
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
