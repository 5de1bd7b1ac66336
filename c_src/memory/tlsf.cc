#include "c_src/memory/tlsf.h"

#include <algorithm>

namespace amdgpu {

inline NodeIndex Tlsf::TakeShared(std::uint32_t granules, int scan) {
  const NodeIndex index = shared_.Find(nodes_, granules, scan);
  if (index == kNoNode) return kNoNode;
  Node& node = nodes_[index];
  if (node.granules == granules) {
    shared_.Remove(nodes_, index);
    node.place = Place::kTaken;
    return index;
  }
  // The front of it; the rest stays where it is in its bin, if it can.
  const NodeIndex front = MakeBlock(node.offset, granules);
  Link(node.before, front);
  Link(front, index);
  node.offset += granules;
  node.granules -= granules;
  shared_.Resized(nodes_, index, node.granules + granules);
  return front;
}

Tlsf::Taken Tlsf::Allocate(const Request& request) {
  const Taken taken = nodes_.HasRoom(1) ? Take(request) : Taken{};
  if (taken.node != kNoNode) CountTaken(request.granules);
  return taken;
}

NodeIndex Tlsf::AllocateShared(std::uint32_t granules) {
  if (!nodes_.HasRoom(1)) return kNoNode;
  const NodeIndex index = TakeShared(granules, Bins::kScan);
  if (index != kNoNode) CountTaken(granules);
  return index;
}

Tlsf::Taken Tlsf::Take(const Request& request) {
  const std::uint32_t granules = request.granules;
  const int scan = request.thorough ? Bins::kScanAll : Bins::kScan;
  StreamSet* const set =
      !request.idle && request.stream < sets_.size() ? sets_[request.stream].get() : nullptr;
  if (set != nullptr) {
    const NodeIndex index = set->bins.Find(nodes_, granules, scan);
    if (index != kNoNode) return TakeFenced(*set, index, granules);
  }
  const NodeIndex index = TakeShared(granules, scan);
  if (index == kNoNode && set != nullptr && request.thorough) return TakeRun(*set, granules);
  return {index, 0};
}

Tlsf::Taken Tlsf::TakeFenced(StreamSet& set, NodeIndex index, std::uint32_t granules) {
  const Ticket ticket = nodes_.hold(index).ticket;
  Remove(set, index);
  if (nodes_[index].granules > granules) Insert(set, Split(index, granules), ticket);
  return {index, ticket};
}

Tlsf::Taken Tlsf::TakeRun(StreamSet& set, std::uint32_t granules) {
  for (NodeIndex index = set.oldest; index != kNoNode; index = nodes_.hold(index).links.next) {
    // Runs alternate between the two kinds: begin each at its first block.
    const NodeIndex before = nodes_[index].before;
    const bool after_shared = nodes_[before].place == Place::kShared;
    if (after_shared && IsIn(set, nodes_[before].before)) continue;
    const NodeIndex first = after_shared ? before : index;
    std::uint64_t length = 0;
    for (NodeIndex next = first;
         length < granules && (nodes_[next].place == Place::kShared || IsIn(set, next));
         next = nodes_[next].after) {
      length += nodes_[next].granules;
    }
    if (length >= granules) return TakeFenced(set, JoinRun(set, first, granules), granules);
  }
  return {};
}

NodeIndex Tlsf::JoinRun(StreamSet& set, NodeIndex first, std::uint32_t granules) {
  Ticket ticket = 0;
  const auto take_out = [&](NodeIndex index) {
    if (nodes_[index].place == Place::kShared) {
      shared_.Remove(nodes_, index);
      nodes_[index].place = Place::kTaken;
    } else {
      ticket = std::max(ticket, nodes_.hold(index).ticket);
      Remove(set, index);
    }
  };
  take_out(first);
  while (nodes_[first].granules < granules) {
    const NodeIndex next = nodes_[first].after;
    take_out(next);
    Absorb(first, next);
  }
  Insert(set, first, ticket);
  return first;
}

bool Tlsf::IsIn(const StreamSet& set, NodeIndex index) const {
  const Node& node = nodes_[index];
  return node.place == Place::kFenced && node.stream == set.stream;
}

void Tlsf::FreeShared(NodeIndex index) {
  // Free neighbours grow over it where they are: a long one seldom changes its bin.
  const Node& node = nodes_[index];
  const NodeIndex before = node.before;
  const NodeIndex after = node.after;
  if (nodes_[before].place == Place::kShared) {
    const std::uint32_t granules = nodes_[before].granules;
    Absorb(before, index);
    if (nodes_[after].place == Place::kShared) {
      shared_.Remove(nodes_, after);
      Absorb(before, after);
    }
    shared_.Resized(nodes_, before, granules);
  } else if (nodes_[after].place == Place::kShared) {
    Node& next = nodes_[after];
    next.offset = node.offset;
    next.granules += node.granules;
    Link(before, after);
    shared_.Resized(nodes_, after, next.granules - node.granules);
    nodes_.Drop(index);
  } else {
    nodes_[index].place = Place::kShared;
    shared_.Insert(nodes_, index);
  }
}

void Tlsf::FreeFenced(NodeIndex index, const Fence& pending) {
  StreamSet& set = SetOf(pending.stream);
  Ticket ticket = pending.ticket;
  const auto joins = [&](NodeIndex neighbour) {
    if (!IsIn(set, neighbour)) return false;
    ticket = std::max(ticket, nodes_.hold(neighbour).ticket);
    Remove(set, neighbour);
    return true;
  };
  const NodeIndex before = nodes_[index].before;
  if (joins(before)) {
    Absorb(before, index);
    index = before;
  }
  const NodeIndex after = nodes_[index].after;
  if (joins(after)) Absorb(index, after);
  Insert(set, index, ticket);
}

void Tlsf::Drain(const StreamClocks& clocks, int budget) {
  for (std::size_t i = 0; i < busy_.size();) {
    StreamSet& set = *busy_[i];
    const Ticket completed = clocks[set.stream].completed.load(std::memory_order_acquire);
    for (int freed = 0; freed < budget && set.oldest != kNoNode; ++freed) {
      const NodeIndex index = set.oldest;
      if (nodes_.hold(index).ticket > completed) break;
      Remove(set, index);
      FreeShared(index);
    }
    if (set.oldest == kNoNode) {
      busy_[i] = busy_.back();
      busy_.pop_back();
    } else {
      ++i;
    }
  }
}

std::uint32_t Tlsf::largest_free() const {
  std::uint32_t largest = shared_.Largest(nodes_);
  for (const StreamSet* set : busy_) largest = std::max(largest, set->bins.Largest(nodes_));
  return largest;
}

std::vector<Fence> Tlsf::PendingFences() const {
  std::vector<Fence> fences;
  for (const StreamSet* set : busy_) {
    if (set->oldest != kNoNode) fences.push_back({set->stream, nodes_.hold(set->oldest).ticket});
  }
  return fences;
}

Tlsf::StreamSet& Tlsf::SetOf(StreamId stream) {
  if (stream >= sets_.size()) sets_.resize(stream + 1);
  std::unique_ptr<StreamSet>& set = sets_[stream];
  if (set == nullptr) {
    set = std::make_unique<StreamSet>();
    set->stream = stream;
  }
  return *set;
}

void Tlsf::Insert(StreamSet& set, NodeIndex index, Ticket ticket) {
  Node& node = nodes_[index];
  node.place = Place::kFenced;
  node.stream = static_cast<std::uint16_t>(set.stream);
  set.bins.Insert(nodes_, index);
  fenced_ += node.granules;

  if (set.newest == kNoNode) {
    set.oldest = index;
    if (std::find(busy_.begin(), busy_.end(), &set) == busy_.end()) busy_.push_back(&set);
  } else {
    nodes_.hold(set.newest).links.next = index;
  }
  nodes_.hold(index) = {ticket, {set.newest, kNoNode}};
  set.newest = index;
}

void Tlsf::Remove(StreamSet& set, NodeIndex index) {
  set.bins.Remove(nodes_, index);
  nodes_[index].place = Place::kTaken;
  fenced_ -= nodes_[index].granules;

  const Node::Links links = nodes_.hold(index).links;
  (links.previous == kNoNode ? set.oldest : nodes_.hold(links.previous).links.next) = links.next;
  (links.next == kNoNode ? set.newest : nodes_.hold(links.next).links.previous) = links.previous;
}

void Tlsf::Link(NodeIndex before, NodeIndex after) {
  nodes_[before].after = after;
  nodes_[after].before = before;
}

NodeIndex Tlsf::MakeBlock(std::uint32_t offset, std::uint32_t granules) {
  const NodeIndex index = nodes_.Make();
  Node& node = nodes_[index];
  node.offset = offset;
  node.granules = granules;
  node.place = Place::kTaken;
  return index;
}

NodeIndex Tlsf::Split(NodeIndex index, std::uint32_t granules) {
  Node& node = nodes_[index];
  const NodeIndex rest = MakeBlock(node.offset + granules, node.granules - granules);
  node.granules = granules;
  Link(rest, node.after);
  Link(index, rest);
  return rest;
}

void Tlsf::Absorb(NodeIndex first, NodeIndex second) {
  nodes_[first].granules += nodes_[second].granules;
  Link(first, nodes_[second].after);
  nodes_.Drop(second);
}

}  // namespace amdgpu
