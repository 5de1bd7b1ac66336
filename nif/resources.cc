#include "nif/resources.h"

#include <memory>
#include <utility>

namespace amdgpu::nif {
namespace {

// On a scheduler: pushes and returns.
void OwnerDown(ErlNifEnv*, void* object, ErlNifPid* pid, ErlNifMonitor*) {
  auto* const owner = static_cast<OwnerResource*>(object);
  OpenDeviceRef device = owner->device.lock();
  if (device == nullptr) return;
  device->OnDown(*pid, owner->owner);
  DropLater(std::move(device));
}

// The device's server ended without closing it.
void ServerDown(ErlNifEnv*, void* object, ErlNifPid*, ErlNifMonitor*) {
  const OpenDeviceRef device = static_cast<DeviceResource*>(object)->device.get();
  // Closing blocks: the reaper does it, as the deletion of nothing.
  DropLater(
      std::shared_ptr<const void>(nullptr, [device](const void*) { device->device()->Close(); }));
}

}  // namespace

bool OpenResourceTypes(ErlNifEnv* env) {
  return Resource<DeviceResource>::Open(env, "device", &ServerDown) &&
         Resource<OwnerResource>::Open(env, "owner", &OwnerDown) &&
         Resource<BufferResource>::Open(env, "buffer") &&
         Resource<KernelResource>::Open(env, "kernel") && Resource<JobResource>::Open(env, "job") &&
         Resource<StreamResource>::Open(env, "stream") && Resource<ViewResource>::Open(env, "view");
}

}  // namespace amdgpu::nif
