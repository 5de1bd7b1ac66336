#include "c_src/memory/out_of_memory.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

constexpr std::size_t kHolders = 5;

struct Holding {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
};

std::vector<std::pair<OwnerId, Holding>> LargestHolders(const MemoryResource& resource) {
  absl::flat_hash_map<OwnerId, Holding> by_owner;
  resource.ForEachLive([&](const LiveBlock& block) {
    Holding& holding = by_owner[block.owner];
    holding.bytes += block.bytes;
    holding.blocks += 1;
  });
  std::vector<std::pair<OwnerId, Holding>> holders(by_owner.begin(), by_owner.end());
  const std::size_t count = std::min(kHolders, holders.size());
  std::partial_sort(holders.begin(), holders.begin() + count, holders.end(),
                    [](const auto& a, const auto& b) {
                      return a.second.bytes != b.second.bytes ? a.second.bytes > b.second.bytes
                                                              : a.first < b.first;
                    });
  holders.resize(count);
  return holders;
}

// "1.5 GiB (1610612736 bytes)"; "300 bytes".
std::string Size(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " bytes");
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.4g %s (%d bytes)", value, kUnits[unit], bytes);
}

std::string Message(const proto::OutOfMemoryDetail& detail) {
  std::string text = absl::StrCat("out of device memory: asked for ", Size(detail.asked()), "; ",
                                  Size(detail.free()), " free in the pool, the largest piece ",
                                  Size(detail.largest_free()));
  if (detail.limit() != 0) {
    absl::StrAppend(&text, "; the ", detail.limited_by(), "'s limit is ", Size(detail.limit()));
  }
  for (int i = 0; i < detail.holders_size(); ++i) {
    const proto::Holder& holder = detail.holders(i);
    absl::StrAppend(&text, i == 0 ? "; largest holders: " : ", ", "owner ", holder.owner(),
                    " with ", Size(holder.bytes()), " in ", holder.buffers(),
                    holder.buffers() == 1 ? " buffer" : " buffers");
  }
  return text;
}

// What `status` says is short; nullopt if it is about something else.
std::optional<Shortage> ShortageOf(const absl::Status& status, const AllocationRequest& request) {
  if (const std::optional<std::uint64_t> needed = NeededBytes(status)) {
    return Shortage{.request = request, .needed_bytes = *needed, .limited_by = "system"};
  }
  const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
  if (!detail.has_value() || !detail->has_out_of_memory()) return std::nullopt;
  const bool by_owner = detail->out_of_memory().limited_by() == "owner";
  return Shortage{.request = request, .limited_by = by_owner ? "owner" : "device"};
}

}  // namespace

absl::Status OutOfMemoryError(const MemoryResource& resource, const AllocationRequest& request,
                              absl::string_view limited_by, std::uint64_t limit) {
  const PoolStats stats = resource.Stats();
  proto::ErrorDetail detail;
  proto::OutOfMemoryDetail& memory = *detail.mutable_out_of_memory();
  memory.set_asked(request.bytes);
  memory.set_free(stats.free);
  memory.set_largest_free(stats.largest_free);
  memory.set_limit(limit);
  memory.set_limited_by(std::string(limited_by));
  for (const auto& [owner, holding] : LargestHolders(resource)) {
    proto::Holder& holder = *memory.add_holders();
    holder.set_owner(owner);
    holder.set_bytes(holding.bytes);
    holder.set_buffers(holding.blocks);
  }
  return MakeError(absl::StatusCode::kResourceExhausted, Message(memory), detail);
}

absl::StatusOr<Allocation> AllocateOrMakeRoom(MemoryResource& resource,
                                              const AllocationRequest& request,
                                              MakeRoom make_room) {
  for (int attempt = 0;; ++attempt) {
    absl::StatusOr<Allocation> allocation = resource.Allocate(request);
    if (allocation.ok()) return allocation;
    std::optional<Shortage> shortage = ShortageOf(allocation.status(), request);
    if (!shortage.has_value()) return allocation;
    shortage->attempt = attempt;
    if (attempt < kMaxAttempts && make_room(*shortage)) continue;
    if (shortage->needed_bytes == 0) return allocation;  // the limit's error is final
    return OutOfMemoryError(resource, request, shortage->limited_by, /*limit=*/0);
  }
}

absl::StatusOr<Allocation> LadderAdaptor::Allocate(const AllocationRequest& request) {
  return AllocateOrMakeRoom(*upstream(), request, [this](const Shortage& shortage) {
    return make_room_ != nullptr && make_room_(shortage);
  });
}

}  // namespace amdgpu
