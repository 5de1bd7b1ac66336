// Buffers: what a caller holds, and what the device keeps of them.

#ifndef AMDGPU_C_SRC_RUNTIME_BUFFER_IMPL_H_
#define AMDGPU_C_SRC_RUNTIME_BUFFER_IMPL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "c_src/runtime/block.h"
#include "c_src/runtime/device.h"

namespace amdgpu {

// The device's part of a buffer. Guarded by the command queue's mutex, but for what is constant and
// the atomics.
struct BufferState {
  proto::DType dtype = proto::DTYPE_NONE;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::atomic<OwnerId> owner{0};
  std::atomic<bool> live{true};
  BlockRef block;  // null once freed

  // In its owner's list.
  BufferState* next = nullptr;
  BufferState* previous = nullptr;
  // In the queue of the dead, which then owns it.
  BufferState* next_dead = nullptr;
  std::shared_ptr<BufferState> self;
};
using BufferStateRef = std::shared_ptr<BufferState>;

// Which live buffers an owner has. Not thread-safe.
class OwnerIndex {
 public:
  void Add(BufferState* buffer);
  void Remove(BufferState* buffer);
  // First of the owner's buffers, linked by `next`; null if it has none.
  BufferState* First(OwnerId owner) const;
  // Largest first.
  std::vector<OwnerUse> Uses() const;

 private:
  struct List {
    BufferState* first = nullptr;
    std::uint64_t bytes = 0;
    std::uint64_t buffers = 0;
  };
  absl::flat_hash_map<OwnerId, List> owners_;
};

// Buffers whose last reference was dropped, waiting to be freed. Pushing is lock-free and cheap
// enough for a destructor. Thread-safe.
class DeadBuffers {
 public:
  ~DeadBuffers() {
    TakeAll([](BufferState&) {});
  }

  // True if there were none: somebody should be told.
  bool Push(BufferStateRef buffer) {
    BufferState* const node = buffer.get();
    node->self = std::move(buffer);
    BufferState* first = first_.load(std::memory_order_relaxed);
    do {
      node->next_dead = first;
    } while (!first_.compare_exchange_weak(first, node, std::memory_order_release,
                                           std::memory_order_relaxed));
    return first == nullptr;
  }

  template <typename Visit>
  void TakeAll(Visit visit) {
    BufferState* node = first_.exchange(nullptr, std::memory_order_acquire);
    while (node != nullptr) {
      BufferState* const next = node->next_dead;
      const BufferStateRef buffer = std::move(node->self);
      visit(*buffer);
      node = next;
    }
  }

 private:
  std::atomic<BufferState*> first_{nullptr};
};

class BufferImpl final : public Buffer {
 public:
  // `on_drop` is called with the state by the destructor.
  using OnDrop = void (*)(Device& device, BufferStateRef state);
  BufferImpl(DeviceRef device, BufferStateRef state, OnDrop on_drop)
      : device_(std::move(device)), state_(std::move(state)), on_drop_(on_drop) {}
  ~BufferImpl() override { on_drop_(*device_, std::move(state_)); }

  const DeviceRef& device() const override { return device_; }
  proto::DType dtype() const override { return state_->dtype; }
  std::uint64_t elements() const override { return state_->elements; }
  std::uint64_t bytes() const override { return state_->bytes; }
  OwnerId owner() const override { return state_->owner.load(); }
  bool live() const override { return state_->live.load(); }

  const BufferStateRef& state() const { return state_; }

 private:
  const DeviceRef device_;
  BufferStateRef state_;
  const OnDrop on_drop_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_BUFFER_IMPL_H_
