// Counts what passes through: live and peak bytes and blocks, totals, and the same by owner.

#ifndef AMDGPU_C_SRC_MEMORY_STATISTICS_ADAPTOR_H_
#define AMDGPU_C_SRC_MEMORY_STATISTICS_ADAPTOR_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/owner_table.h"

namespace amdgpu {

// Bytes are those of blocks (a multiple of kGranuleBytes each), `requested` what was asked for.
struct MemoryUsage {
  std::uint64_t bytes = 0;
  std::uint64_t requested = 0;
  std::uint64_t blocks = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t total_bytes = 0;   // ever allocated
  std::uint64_t total_blocks = 0;  // ever allocated
  std::uint64_t failures = 0;      // requests that were refused
};

struct OwnerUsage {
  OwnerId owner = 0;
  std::uint64_t bytes = 0;
  std::uint64_t requested = 0;
  std::uint64_t blocks = 0;
  std::uint64_t peak_bytes = 0;
};

class StatisticsAdaptor final : public Adaptor {
 public:
  // Starts from zero: `upstream` should have no live blocks.
  explicit StatisticsAdaptor(MemoryResource* upstream) : Adaptor(upstream) {}

  absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) override;
  absl::StatusOr<LiveBlock> Deallocate(BlockHandle handle, absl::Span<const Fence> fences) override;
  absl::StatusOr<LiveBlock> Reassign(BlockHandle handle, OwnerId owner) override;

  const MemoryUsage& Usage() const { return usage_; }
  // Owners with live blocks, largest first (equal ones by id); an owner is forgotten, its peak too,
  // with its last block.
  std::vector<OwnerUsage> ByOwner() const;
  // The peak starts again from what is live now.
  void ResetPeak();

 private:
  struct OwnerCounters {
    std::uint64_t bytes = 0;
    std::uint64_t requested = 0;
    std::uint64_t blocks = 0;
    std::uint64_t peak_bytes = 0;

    bool empty() const { return blocks == 0; }
    void Add(std::uint64_t block_bytes, std::uint64_t requested_bytes);
    void Subtract(const LiveBlock& block);
  };

  OwnerTable<OwnerCounters> owners_;
  MemoryUsage usage_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_STATISTICS_ADAPTOR_H_
