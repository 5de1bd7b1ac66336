#include "c_src/runtime/command_queue.h"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"

namespace amdgpu {
namespace {

using protocol::CompletionRecord;
using protocol::kCompletionSlots;
using protocol::kTicketSlotMask;

// Completions taken in under one lock.
constexpr std::uint64_t kBatch = 128;
constexpr unsigned kSlotBits = 14;
static_assert((std::uint64_t{1} << kSlotBits) == protocol::kMaxInFlight);

thread_local bool on_device_thread = false;

// A command that did no work: the worker tells why by the code alone.
absl::Status Refusal(absl::StatusCode code, const gpu::KernelInfo* kernel) {
  const std::string what =
      kernel == nullptr ? "it" : absl::StrCat("kernel \"", kernel->name(), "\"");
  return absl::Status(
      code, absl::StrCat("the device refused ", what, ": ", absl::StatusCodeToString(code)));
}

}  // namespace

DeviceThread::DeviceThread() { on_device_thread = true; }
DeviceThread::~DeviceThread() { on_device_thread = false; }
bool CommandQueue::OnDeviceThread() { return on_device_thread; }

CommandQueue::CommandQueue(Segment segment, std::shared_ptr<StreamClocks> clocks, OnPrint on_print)
    : segment_(std::move(segment)),
      header_(segment_.header()),
      clocks_(std::move(clocks)),
      on_print_(std::move(on_print)),
      commands_(segment_.CommandProducer()),
      pending_(protocol::kMaxInFlight),
      prints_(segment_.PrintConsumer()) {
  free_slots_.reserve(protocol::kMaxInFlight);
  for (std::uint64_t i = protocol::kMaxInFlight; i > 0; --i) {
    free_slots_.push_back(static_cast<std::uint32_t>(i - 1));
  }
}

std::byte* CommandQueue::ReserveBytes(std::uint64_t bytes) {
  if (!open_ || free_slots_.empty()) return nullptr;
  reserved_bytes_ = bytes;
  return commands_.Reserve(bytes);
}

JobImplRef CommandQueue::Submit(protocol::CommandHeader& header, protocol::CommandKind kind,
                                StreamId stream, std::uint64_t timeout_ns,
                                std::shared_ptr<const gpu::KernelInfo> kernel, bool specialised,
                                CommandOrigin origin) {
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  const Ticket ticket = next_sequence_++ << kSlotBits | slot;
  auto job = std::make_shared<JobImpl>(shared_from_this(), ticket);
  const std::uint64_t now = NowNs();
  pending_[slot] = {ticket, stream,  now,    timeout_ns, specialised, job, std::move(kernel),
                    origin, newest_, kNoSlot};
  (newest_ == kNoSlot ? oldest_ : pending_[newest_].newer) = slot;
  newest_ = slot;
  pending_count_.fetch_add(1, std::memory_order_relaxed);
  (*clocks_)[stream].submitted.store(ticket, std::memory_order_release);

  header.bytes = static_cast<std::uint32_t>(reserved_bytes_);
  header.kind = kind;
  header.stream = stream;
  header.ticket = ticket;
  header.submitted_ns = now;
  header.timeout_ns = timeout_ns;
  header.owner = origin.owner;
  commands_.Publish(reserved_bytes_);
  Segment::Bell(header_.command).Ring();
  return job;
}

JobImplRef CommandQueue::JobOf(Ticket ticket) const {
  const PendingCommand& pending = pending_[ticket & kTicketSlotMask];
  return pending.ticket == ticket ? pending.job : nullptr;
}

JobImplRef CommandQueue::Oldest() const {
  return oldest_ == kNoSlot ? nullptr : pending_[oldest_].job;
}

void CommandQueue::ForEachPending(absl::FunctionRef<bool(const PendingCommand&)> visit) const {
  for (std::uint32_t slot = oldest_; slot != kNoSlot; slot = pending_[slot].newer) {
    if (!visit(pending_[slot])) return;
  }
}

PendingCommand CommandQueue::Take(std::uint32_t slot) {
  PendingCommand taken = std::exchange(pending_[slot], {});
  (taken.older == kNoSlot ? oldest_ : pending_[taken.older].newer) = taken.newer;
  (taken.newer == kNoSlot ? newest_ : pending_[taken.newer].older) = taken.older;
  free_slots_.push_back(slot);
  return taken;
}

bool CommandQueue::HasPrints() const {
  return header_.print.head.load(std::memory_order_seq_cst) !=
         header_.print.tail.load(std::memory_order_relaxed);
}

bool CommandQueue::HasWork() const {
  return !corrupt_.load(std::memory_order_relaxed) &&
         (header_.completion.head.load(std::memory_order_seq_cst) !=
              drained_.load(std::memory_order_relaxed) ||
          HasPrints());
}

std::uint64_t CommandQueue::undrained() const {
  // In this order: what is taken in meanwhile is not more than there was.
  const std::uint64_t drained = drained_.load(std::memory_order_acquire);
  const std::uint64_t head = header_.completion.head.load(std::memory_order_acquire);
  return std::min(head - drained, kCompletionSlots);
}

std::uint64_t CommandQueue::in_flight() const {
  const std::uint64_t ended = undrained();
  const std::uint64_t pending = pending_count_.load(std::memory_order_relaxed);
  return pending > ended ? pending - ended : 0;
}

void CommandQueue::Drain() {
  // Who finds the lock taken leaves: the holder looks again after letting go.
  while (HasWork()) {
    if (!drain_mutex_.TryLock()) return;
    const bool again = DrainOnce();
    drain_mutex_.Unlock();
    if (!again) return;
  }
}

bool CommandQueue::DrainOnce() {
  const std::uint64_t head = header_.completion.head.load(std::memory_order_seq_cst);
  // What a launch printed is shown before the launch has ended. Showing it is for our own threads.
  if (HasPrints()) {
    if (!on_device_thread) {
      WakeCompletionThread();
      return false;
    }
    DrainPrints();
  }
  const std::uint64_t first = drained_.load(std::memory_order_relaxed);
  if (head - first > kCompletionSlots) {
    MarkCorrupt();
    return false;
  }
  const std::uint64_t count = std::min(head - first, kBatch);
  std::array<CompletionRecord, kBatch> records;
  std::array<PendingCommand, kBatch> done;
  std::uint64_t taken = 0;
  {
    AdaptiveLock lock(&mutex_);
    for (; taken < count; ++taken) {
      records[taken] = segment_.completions()[(first + taken) & (kCompletionSlots - 1)];
      const Ticket ticket = records[taken].ticket;
      const std::uint32_t slot = ticket & kTicketSlotMask;
      if (ticket == 0 || pending_[slot].ticket != ticket) break;
      done[taken] = Take(slot);
      (*clocks_)[done[taken].stream].completed.store(ticket, std::memory_order_release);
    }
  }
  pending_count_.fetch_sub(taken, std::memory_order_relaxed);
  drained_.store(first + taken, std::memory_order_relaxed);
  header_.completion.tail.store(first + taken, std::memory_order_release);
  for (std::uint64_t i = 0; i < taken; ++i) {
    const CompletionRecord& record = records[i];
    LaunchInfo info;
    info.ticket = record.ticket;
    info.queued_ns = done[i].submitted_ns;
    info.started_ns = record.started_ns;
    info.ended_ns = record.ended_ns;
    info.specialised = done[i].specialised;
    absl::Status status;
    if (record.status != 0) {
      status = Refusal(static_cast<absl::StatusCode>(record.status), done[i].kernel.get());
    }
    done[i].job->Finish(std::move(status), info);
  }
  if (taken < count) {
    MarkCorrupt();
    return false;
  }
  return true;
}

void CommandQueue::DrainPrints() {
  alignas(64) std::array<std::byte, protocol::kMaxCommandBytes> record;
  std::uint64_t bytes;
  while (true) {
    switch (prints_.Pop(record.data(), record.size(), &bytes)) {
      case ByteRingConsumer::Result::kEmpty:
        return;
      case ByteRingConsumer::Result::kCorrupt:
        MarkCorrupt();
        return;
      case ByteRingConsumer::Result::kRecord:
        break;
    }
    const auto& header = *reinterpret_cast<const protocol::PrintHeader*>(record.data());
    const std::uint64_t room = bytes - sizeof(header);
    if (bytes < sizeof(header) || header.text_bytes > room) {
      MarkCorrupt();
      return;
    }
    if (on_print_) {
      on_print_({reinterpret_cast<const char*>(record.data() + sizeof(header)), header.text_bytes});
    }
  }
}

void CommandQueue::MarkCorrupt() {
  corrupt_.store(true);
  WakeCompletionThread();
}

void CommandQueue::BeginWait(Ticket ticket) {
  AdaptiveLock lock(&wait_mutex_);
  ++waited_[ticket];
  header_.completion.wake_at.store(waited_.begin()->first, std::memory_order_seq_cst);
}

void CommandQueue::EndWait(Ticket ticket) {
  AdaptiveLock lock(&wait_mutex_);
  const auto found = waited_.find(ticket);
  if (found == waited_.end()) return;
  if (--found->second == 0) waited_.erase(found);
  header_.completion.wake_at.store(
      waited_.empty() ? std::numeric_limits<Ticket>::max() : waited_.begin()->first,
      std::memory_order_seq_cst);
}

void CommandQueue::Deliver(std::vector<Job::Callback> callbacks) {
  if (on_device_thread) {
    for (const Job::Callback& callback : callbacks) callback();
    return;
  }
  {
    AdaptiveLock lock(&deliver_mutex_);
    for (Job::Callback& callback : callbacks) deliveries_.push_back(std::move(callback));
  }
  has_deliveries_.store(true, std::memory_order_seq_cst);
  WakeCompletionThread();
}

void CommandQueue::WakeCompletionThread() { Segment::Bell(header_.completion).Ring(); }

void CommandQueue::RunCompletionThread() {
  const DeviceThread mark;
  const auto ready = [this] {
    return HasWork() || has_deliveries_.load(std::memory_order_seq_cst) || stop_.load();
  };
  while (true) {
    Drain();
    if (has_deliveries_.exchange(false)) {
      std::vector<Job::Callback> callbacks;
      {
        AdaptiveLock lock(&deliver_mutex_);
        callbacks.swap(deliveries_);
      }
      for (const Job::Callback& callback : callbacks) callback();
      continue;
    }
    if (stop_.load()) return;
    Segment::Bell(header_.completion).Sleep(ready);
  }
}

void CommandQueue::Stop() {
  stop_.store(true);
  WakeCompletionThread();
}

void CommandQueue::Reset() {
  MutexLock drain_lock(&drain_mutex_);
  AdaptiveLock lock(&mutex_);
  segment_.Reset();
  commands_ = segment_.CommandProducer();
  prints_ = segment_.PrintConsumer();
  drained_.store(0);
  corrupt_.store(false);
  WakeCompletionThread();  // it sleeps on a flag that was cleared
}

void CommandQueue::Open() {
  AdaptiveLock lock(&mutex_);
  open_ = true;
}

void CommandQueue::Close() {
  AdaptiveLock lock(&mutex_);
  open_ = false;
}

std::vector<PendingCommand> CommandQueue::TakePending() {
  MutexLock drain_lock(&drain_mutex_);
  while (HasWork() && DrainOnce()) {
  }
  std::vector<PendingCommand> rest;
  AdaptiveLock lock(&mutex_);
  while (oldest_ != kNoSlot) rest.push_back(Take(oldest_));
  for (StreamId stream = 0; stream < kMaxStreams; ++stream) {
    StreamClock& clock = (*clocks_)[stream];
    clock.completed.store(clock.submitted.load(), std::memory_order_release);
  }
  pending_count_.store(0);
  return rest;
}

}  // namespace amdgpu
