// Refuses requests that would take the device, or one owner, over a limit.

#ifndef AMDGPU_C_SRC_MEMORY_LIMIT_ADAPTOR_H_
#define AMDGPU_C_SRC_MEMORY_LIMIT_ADAPTOR_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/owner_table.h"

namespace amdgpu {

// Limits are on live bytes of blocks (what was asked, rounded up to granules). A refusal is
// kResourceExhausted with an OutOfMemoryDetail whose limited_by is "device" or "owner" and whose
// `limit` is the one in force.
class LimitAdaptor final : public Adaptor {
 public:
  // 0 is no limit.
  LimitAdaptor(MemoryResource* upstream, std::uint64_t device_limit)
      : Adaptor(upstream), device_limit_(device_limit) {}

  absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) override;
  absl::StatusOr<LiveBlock> Deallocate(BlockHandle handle, absl::Span<const Fence> fences) override;
  absl::StatusOr<LiveBlock> Reassign(BlockHandle handle, OwnerId owner) override;

  // May be below what is live: then nothing more is given until enough was freed. 0 is no limit.
  void SetDeviceLimit(std::uint64_t bytes) { device_limit_ = bytes; }
  // For one owner, until changed; kept while the owner has no blocks. 0 removes it.
  void SetOwnerLimit(OwnerId owner, std::uint64_t bytes) { owners_[owner].limit = bytes; }
  // For every owner without a limit of its own. 0 is no limit.
  void SetDefaultOwnerLimit(std::uint64_t bytes) { default_owner_limit_ = bytes; }

 private:
  struct OwnerBudget {
    std::uint64_t bytes = 0;
    std::uint64_t limit = 0;

    bool empty() const { return bytes == 0 && limit == 0; }
  };

  absl::StatusOr<Allocation> AllocateCharged(const AllocationRequest& request, std::uint64_t bytes);
  // The owner's limit if `bytes` more take it over it; else 0.
  std::uint64_t ExceededBy(const OwnerBudget& budget, std::uint64_t bytes) const;

  std::uint64_t device_limit_;
  std::uint64_t default_owner_limit_ = 0;
  std::uint64_t bytes_ = 0;  // live, of all owners
  OwnerTable<OwnerBudget> owners_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_LIMIT_ADAPTOR_H_
