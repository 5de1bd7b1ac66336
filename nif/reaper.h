// Where references to the core are dropped: a thread of its own, never a scheduler.
//
// The BEAM runs resource destructors on its schedulers, and dropping the last reference to a device
// joins threads. So a destructor only pushes what it held; the reaper drops it about a millisecond
// later, many at a time.

#ifndef AMDGPU_NIF_REAPER_H_
#define AMDGPU_NIF_REAPER_H_

#include <memory>
#include <type_traits>
#include <utility>

namespace amdgpu::nif {

// Starts the thread, once per process. It is never joined: the VM may halt at any time.
void StartReaper();

// Drops `object` soon, on the reaper's thread. Tens of nanoseconds. Thread-safe.
void DropLater(std::shared_ptr<const void> object);

// Drops everything pushed so far, in the calling thread. For a dirty scheduler.
void DropNow();

// A shared_ptr that is dropped by the reaper. Move-only.
template <typename T>
class Deferred {
 public:
  Deferred() = default;
  explicit Deferred(std::shared_ptr<T> object) : object_(std::move(object)) {}
  Deferred(Deferred&& other) noexcept = default;
  Deferred& operator=(Deferred&&) = delete;
  ~Deferred() {
    if (object_ != nullptr) DropLater(std::move(object_));
  }

  const std::shared_ptr<T>& get() const { return object_; }
  T* operator->() const { return object_.get(); }
  std::add_lvalue_reference_t<T> operator*() const { return *object_; }

 private:
  std::shared_ptr<T> object_;
};

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_REAPER_H_
