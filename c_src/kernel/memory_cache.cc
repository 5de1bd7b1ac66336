#include "c_src/kernel/memory_cache.h"

#include <utility>

namespace amdgpu {
namespace {

// Of an entry, beside its texts: list node, index slot, control block.
constexpr std::uint64_t kOverheadBytes = 256;

std::uint64_t Cost(absl::string_view fingerprint, const CodeObject& code) {
  std::uint64_t cost = kOverheadBytes + fingerprint.size() + code.bytes.size() + code.key.size();
  for (const proto::Diagnostic& warning : code.warnings) cost += warning.SpaceUsedLong();
  return cost;
}

}  // namespace

CodeObjectRef MemoryCache::Find(absl::string_view fingerprint) {
  MutexLock lock(&mutex_);
  const auto found = index_.find(fingerprint);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->code;
}

void MemoryCache::Insert(std::string fingerprint, CodeObjectRef code) {
  const std::uint64_t cost = Cost(fingerprint, *code);
  MutexLock lock(&mutex_);
  if (const auto found = index_.find(fingerprint); found != index_.end()) Remove(found->second);
  if (cost > limit_bytes_) return;
  while (bytes_ + cost > limit_bytes_) Remove(std::prev(entries_.end()));
  entries_.push_front({std::move(fingerprint), std::move(code), cost});
  index_.emplace(entries_.front().fingerprint, entries_.begin());
  bytes_ += cost;
}

void MemoryCache::Clear() {
  MutexLock lock(&mutex_);
  index_.clear();
  entries_.clear();
  bytes_ = 0;
}

std::uint64_t MemoryCache::bytes() const {
  MutexLock lock(&mutex_);
  return bytes_;
}

void MemoryCache::Remove(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  index_.erase(entry->fingerprint);
  entries_.erase(entry);
}

}  // namespace amdgpu
