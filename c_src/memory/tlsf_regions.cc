// Regions of Tlsf: growing, shrinking and joining chains of blocks.

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "c_src/memory/tlsf.h"

namespace amdgpu {
namespace {

// Block, two sentinels.
constexpr std::uint32_t kNodesPerRegion = 3;

Region InBytes(std::uint32_t offset, std::uint32_t granules, std::uint32_t arena) {
  return {offset * kGranuleBytes, granules * kGranuleBytes, arena};
}

}  // namespace

absl::Status Tlsf::AddRegion(std::uint32_t offset, std::uint32_t granules, std::uint32_t arena) {
  const std::uint64_t end = std::uint64_t{offset} + granules;
  const auto next_region = regions_.lower_bound(offset);
  bool overlaps = next_region != regions_.end() && next_region->first < end;
  if (next_region != regions_.begin()) {
    const auto& [start, entry] = *std::prev(next_region);
    overlaps |= start + entry.granules > offset;
  }
  if (overlaps) {
    return absl::InvalidArgumentError(absl::StrCat("region of ", granules * kGranuleBytes,
                                                   " bytes at offset ", offset * kGranuleBytes,
                                                   " overlaps another"));
  }
  if (!nodes_.HasRoom(kNodesPerRegion)) {
    return absl::ResourceExhaustedError("too many blocks to add a region");
  }
  regions_[offset] = {granules, arena};
  reserved_ += granules;

  auto after = chains_.lower_bound(offset);
  auto before = after == chains_.begin() ? chains_.end() : std::prev(after);
  const bool joins_after =
      after != chains_.end() && after->first == end && after->second.arena == arena;
  const bool joins_before =
      before != chains_.end() && before->second.end == offset && before->second.arena == arena;

  // Put the block between the two sentinels of a chain, new ones where none are there to be moved.
  const NodeIndex block = MakeBlock(offset, granules);
  Chain chain{static_cast<std::uint32_t>(end), arena, kNoNode, kNoNode};
  if (joins_before) {
    chain.head = before->second.head;
    Link(nodes_[before->second.tail].before, block);
    nodes_.Drop(before->second.tail);
  } else {
    chain.head = MakeBlock(offset, 0);
    Link(chain.head, block);
  }
  if (joins_after) {
    chain.end = after->second.end;
    chain.tail = after->second.tail;
    Link(block, nodes_[after->second.head].after);
    nodes_.Drop(after->second.head);
    chains_.erase(after);
  } else {
    chain.tail = MakeBlock(chain.end, 0);
    Link(block, chain.tail);
  }
  chains_[joins_before ? before->first : offset] = chain;
  FreeShared(block);
  return absl::OkStatus();
}

absl::Status Tlsf::RemoveRegion(std::uint32_t offset) {
  const auto region = regions_.find(offset);
  if (region == regions_.end()) {
    return absl::NotFoundError(
        absl::StrCat("no region was added at offset ", offset * kGranuleBytes));
  }
  const std::uint32_t granules = region->second.granules;
  NodeIndex block = FreeBlockOver(offset, granules);
  if (block == kNoNode) {
    return absl::FailedPreconditionError(
        absl::StrCat("the region at offset ", offset * kGranuleBytes, " is in use"));
  }
  if (!nodes_.HasRoom(kNodesPerRegion + 1)) {
    return absl::ResourceExhaustedError("too many blocks to remove a region");
  }

  // Leave what lies before and after the region as blocks of their own.
  shared_.Remove(nodes_, block);
  nodes_[block].place = Place::kTaken;
  const std::uint32_t lead = offset - nodes_[block].offset;
  NodeIndex left = kNoNode;
  NodeIndex right = kNoNode;
  if (lead > 0) {
    left = block;
    block = Split(block, lead);
  }
  if (nodes_[block].granules > granules) right = Split(block, granules);
  CutOut(block);
  if (left != kNoNode) FreeShared(left);
  if (right != kNoNode) FreeShared(right);

  regions_.erase(region);
  reserved_ -= granules;
  return absl::OkStatus();
}

void Tlsf::CutOut(NodeIndex index) {
  const std::uint32_t start = nodes_[index].offset;
  const std::uint32_t end = start + nodes_[index].granules;
  const NodeIndex before = nodes_[index].before;
  const NodeIndex after = nodes_[index].after;
  nodes_.Drop(index);

  const auto found = std::prev(chains_.upper_bound(start));
  const Chain chain = found->second;
  if (after == chain.tail) {
    nodes_.Drop(chain.tail);
  } else {
    const NodeIndex head = MakeBlock(end, 0);
    Link(head, after);
    chains_[end] = {chain.end, chain.arena, head, chain.tail};
  }
  if (before == chain.head) {
    nodes_.Drop(chain.head);
    chains_.erase(found);
  } else {
    const NodeIndex tail = MakeBlock(start, 0);
    Link(before, tail);
    found->second = {start, chain.arena, chain.head, tail};
  }
}

NodeIndex Tlsf::FreeBlockOver(std::uint32_t offset, std::uint32_t granules) const {
  // Few blocks are as large as a region: there are no more of them than regions.
  NodeIndex found = kNoNode;
  shared_.AnyOfAtLeast(nodes_, granules, [&](NodeIndex index) {
    const Node& node = nodes_[index];
    const bool covers = node.offset <= offset && std::uint64_t{node.offset} + node.granules >=
                                                     std::uint64_t{offset} + granules;
    if (covers) found = index;
    return covers;
  });
  return found;
}

std::vector<Region> Tlsf::Regions() const {
  std::vector<Region> regions;
  regions.reserve(regions_.size());
  for (const auto& [offset, entry] : regions_) {
    regions.push_back(InBytes(offset, entry.granules, entry.arena));
  }
  return regions;
}

std::vector<Region> Tlsf::FreeRegions() const {
  std::vector<Region> regions;
  for (const auto& [offset, entry] : regions_) {
    if (FreeBlockOver(offset, entry.granules) != kNoNode) {
      regions.push_back(InBytes(offset, entry.granules, entry.arena));
    }
  }
  return regions;
}

}  // namespace amdgpu
