#include <algorithm>
#include <vector>

#include "c_src/runtime/buffer_impl.h"

namespace amdgpu {

void OwnerIndex::Add(BufferState* buffer) {
  List& list = owners_[buffer->owner.load()];
  buffer->previous = nullptr;
  buffer->next = list.first;
  if (list.first != nullptr) list.first->previous = buffer;
  list.first = buffer;
  list.bytes += buffer->block->bytes();
  ++list.buffers;
}

void OwnerIndex::Remove(BufferState* buffer) {
  const auto found = owners_.find(buffer->owner.load());
  List& list = found->second;
  if (buffer->previous != nullptr) {
    buffer->previous->next = buffer->next;
  } else {
    list.first = buffer->next;
  }
  if (buffer->next != nullptr) buffer->next->previous = buffer->previous;
  buffer->next = buffer->previous = nullptr;
  list.bytes -= buffer->block->bytes();
  if (--list.buffers == 0) owners_.erase(found);
}

BufferState* OwnerIndex::First(OwnerId owner) const {
  const auto found = owners_.find(owner);
  return found == owners_.end() ? nullptr : found->second.first;
}

std::vector<OwnerUse> OwnerIndex::Uses() const {
  std::vector<OwnerUse> uses;
  for (const auto& [owner, list] : owners_) uses.push_back({owner, list.bytes, list.buffers});
  std::sort(uses.begin(), uses.end(), [](const OwnerUse& left, const OwnerUse& right) {
    return left.bytes != right.bytes ? left.bytes > right.bytes : left.owner < right.owner;
  });
  return uses;
}

}  // namespace amdgpu
