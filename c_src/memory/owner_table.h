// A map from owners to counters.

#ifndef AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_
#define AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_

#include <unordered_map>

#include "c_src/memory/types.h"

namespace amdgpu {

// Entries that are empty() are as good as not there. Not thread-safe.
template <typename Counters>
class OwnerTable {
 public:
  OwnerTable() { last_ = &*entries_.try_emplace(0).first; }
  OwnerTable(const OwnerTable&) = delete;
  OwnerTable& operator=(const OwnerTable&) = delete;

  // The entry of `owner`, made if there was none; valid until the next call.
  Counters& operator[](OwnerId owner) {
    // Who comes, comes often: the last one is found at once, even when it is empty meanwhile.
    if (last_->first != owner) Switch(owner);
    return last_->second;
  }

  // Calls `visit(OwnerId, const Counters&)` for every entry that is not empty.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& [owner, counters] : entries_) {
      if (!counters.empty()) visit(owner, counters);
    }
  }

 private:
  using Entries = std::unordered_map<OwnerId, Counters>;  // its elements stay where they are

  void Switch(OwnerId owner) {
    const OwnerId before = last_->first;
    const bool forget = last_->second.empty();
    last_ = &*entries_.try_emplace(owner).first;
    if (forget) entries_.erase(before);
  }

  Entries entries_;
  typename Entries::value_type* last_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_
