// A device as Elixir holds it: the core's Device, and which Elixir process is which owner in it.

#ifndef AMDGPU_NIF_OPEN_DEVICE_H_
#define AMDGPU_NIF_OPEN_DEVICE_H_

#include <erl_nif.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "c_src/base/mutex.h"
#include "c_src/runtime/device.h"

namespace amdgpu::nif {

struct OwnerResource;

// Thread-safe.
class OpenDevice : public std::enable_shared_from_this<OpenDevice> {
 public:
  explicit OpenDevice(DeviceRef device);
  // Ends the monitors.
  ~OpenDevice();

  const DeviceRef& device() const { return device_; }

  // The owner that stands for `pid`: a few nanoseconds for who asked last. The first call for a
  // process monitors it: when it ends, what it owns is freed. Nothing if the process has ended
  // already.
  std::optional<OwnerId> OwnerOf(ErlNifEnv* env, const ErlNifPid& pid);
  // The same of the process that calls; 0 for none.
  OwnerId CallerOf(ErlNifEnv* env);
  // The living process that `owner` stands for.
  std::optional<ErlNifPid> PidOf(OwnerId owner) const;
  // The process of `owner` ended.
  void OnDown(const ErlNifPid& pid, OwnerId owner);

 private:
  std::optional<OwnerId> FindOwner(ErlNifEnv* env, const ErlNifPid& pid);

  const DeviceRef device_;
  const std::uint64_t serial_;           // of this object; never another's
  std::atomic<std::uint64_t> ended_{0};  // processes that were owners
  mutable Mutex mutex_;
  // By the pid's term. Each holds one reference of its resource.
  absl::flat_hash_map<ERL_NIF_TERM, OwnerResource*> owners_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<OwnerId, ErlNifPid> pids_ ABSL_GUARDED_BY(mutex_);
};

using OpenDeviceRef = std::shared_ptr<OpenDevice>;

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_OPEN_DEVICE_H_
