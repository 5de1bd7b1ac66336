// What Elixir holds references to. Each kind of resource keeps core objects alive; its destructor
// hands them to the reaper and does nothing else.

#ifndef AMDGPU_NIF_RESOURCES_H_
#define AMDGPU_NIF_RESOURCES_H_

#include <erl_nif.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "c_src/runtime/device.h"
#include "nif/open_device.h"
#include "nif/reaper.h"

namespace amdgpu::nif {

struct DeviceResource {
  Deferred<OpenDevice> device;
};

// Monitors one process for one device.
struct OwnerResource {
  std::weak_ptr<OpenDevice> device;
  OwnerId owner = 0;
};

struct BufferResource {
  Deferred<OpenDevice> device;
  Deferred<Buffer> buffer;
};

struct KernelResource {
  Deferred<OpenDevice> device;
  Deferred<Kernel> kernel;
};

struct JobResource {
  Deferred<OpenDevice> device;
  Deferred<Job> job;
};

// A stream of a device; the device destroys it when the last reference goes or Close is called.
class StreamHandle {
 public:
  StreamHandle(DeviceRef device, gpu::StreamId id) : device_(std::move(device)), id_(id) {}
  ~StreamHandle() { Close().IgnoreError(); }

  gpu::StreamId id() const { return id_; }
  bool open() const { return open_.load(std::memory_order_acquire); }
  absl::Status Close() {
    if (!open_.exchange(false)) return absl::OkStatus();
    return device_->DestroyStream(id_);
  }

 private:
  const DeviceRef device_;
  const gpu::StreamId id_;
  std::atomic<bool> open_{true};
};

struct StreamResource {
  Deferred<OpenDevice> device;
  Deferred<StreamHandle> stream;
};

// Memory that a binary in Elixir looks at.
struct ViewResource {
  Deferred<const void> memory;
};

// The resource type whose objects are `T`s.
template <typename T>
class Resource {
 public:
  // An object with one reference, which the caller owns.
  static T* Allocate(T value) {
    live_.fetch_add(1, std::memory_order_relaxed);
    return new (enif_alloc_resource(type_, sizeof(T))) T(std::move(value));
  }
  static ERL_NIF_TERM Make(ErlNifEnv* env, T value) {
    T* const object = Allocate(std::move(value));
    const ERL_NIF_TERM term = enif_make_resource(env, object);
    enif_release_resource(object);
    return term;
  }
  // Null if `term` is not of this type. Valid while `term` is.
  static T* Get(ErlNifEnv* env, ERL_NIF_TERM term) {
    void* object = nullptr;
    return enif_get_resource(env, term, type_, &object) ? static_cast<T*>(object) : nullptr;
  }
  static std::int64_t live() { return live_.load(std::memory_order_relaxed); }

  static bool Open(ErlNifEnv* env, const char* name, ErlNifResourceDown* down = nullptr) {
    ErlNifResourceTypeInit init{};
    init.dtor = &Destroy;
    init.down = down;
    init.members = 3;
    const auto flags = static_cast<ErlNifResourceFlags>(ERL_NIF_RT_CREATE | ERL_NIF_RT_TAKEOVER);
    type_ = enif_init_resource_type(env, name, &init, flags, nullptr);
    return type_ != nullptr;
  }

 private:
  static void Destroy(ErlNifEnv*, void* object) {
    static_cast<T*>(object)->~T();
    live_.fetch_sub(1, std::memory_order_relaxed);
  }

  static inline ErlNifResourceType* type_ = nullptr;
  static inline std::atomic<std::int64_t> live_{0};
};

// Opens every type; for load and upgrade.
bool OpenResourceTypes(ErlNifEnv* env);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_RESOURCES_H_
