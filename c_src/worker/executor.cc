#include "c_src/worker/executor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/doorbell.h"
#include "c_src/base/futex.h"

namespace amdgpu::worker {
namespace {

using protocol::CommandKind;

constexpr std::uint64_t kLeastSpinNs = 2'000;
constexpr std::uint64_t kMostSpinNs = 40'000;

absl::Status Malformed() { return absl::InternalError("a malformed command"); }

}  // namespace

Executor::Executor(const Segment& segment, gpu::Driver& driver, gpu::CompletionSink& sink,
                   InFlightTable& in_flight, Watchdog& watchdog, std::function<void()> on_corrupt)
    : segment_(segment),
      driver_(driver),
      sink_(sink),
      in_flight_(in_flight),
      watchdog_(watchdog),
      on_corrupt_(std::move(on_corrupt)),
      ring_(segment.CommandConsumer()) {
  created_[0] = true;  // stream 0 always exists
}

absl::Status Executor::Start(const StartThread& start_thread) {
  threads_[0].state = static_cast<std::uint32_t>(State::kPolling);
  for (int i = 0; i < kThreads; ++i) {
    absl::Status status =
        start_thread(absl::StrCat("executor-", i), [this, i] { Run(threads_[i]); });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Executor::Run(Thread& self) {
  auto command = std::make_unique<Command>();
  while (true) {
    WaitForRole(self);
    Poll(self, *command);
    CatchUp(self);
    self.state.store(static_cast<std::uint32_t>(State::kReserve));
  }
}

void Executor::WaitForRole(Thread& self) {
  constexpr auto kReserve = static_cast<std::uint32_t>(State::kReserve);
  while (self.state.load(std::memory_order_acquire) == kReserve) FutexWait(self.state, kReserve);
}

void Executor::Poll(Thread& self, Command& command) {
  AdaptiveSpin spin(kLeastSpinNs, kMostSpinNs);
  const auto ready = [this] { return ring_.ready(); };
  while (true) {
    switch (ring_.Pop(command.bytes.data(), command.bytes.size(), &command.size)) {
      case ByteRingConsumer::Result::kEmpty:
        if (!spin.Until(ready)) Segment::Bell(segment_.header().command).Sleep(ready);
        continue;
      case ByteRingConsumer::Result::kCorrupt:
        on_corrupt_();
        continue;
      case ByteRingConsumer::Result::kRecord:
        break;
    }
    if (command.size < sizeof(protocol::CommandHeader) || command.header().stream >= kMaxStreams) {
      on_corrupt_();
    }
    if (held_up_count_.load(std::memory_order_acquire) != 0 && KeepAside(command)) continue;
    if (!GiveToDriver(self, command)) return;
  }
}

bool Executor::GiveToDriver(Thread& self, const Command& command) {
  const std::uint64_t now = NowNs();
  self.stream = command.header().stream;
  self.in_driver_since_ns.store(now, std::memory_order_relaxed);
  self.state.store(static_cast<std::uint32_t>(State::kInDriver), std::memory_order_release);
  watchdog_.LookAt(now + kPatienceNs);
  Execute(command);
  auto in_driver = static_cast<std::uint32_t>(State::kInDriver);
  return self.state.compare_exchange_strong(in_driver, static_cast<std::uint32_t>(State::kPolling),
                                            std::memory_order_acq_rel);
}

std::uint64_t Executor::Look(std::uint64_t now_ns) {
  Thread& stuck = threads_[polling_.load()];
  auto in_driver = static_cast<std::uint32_t>(State::kInDriver);
  if (stuck.state.load(std::memory_order_acquire) != in_driver) return Watchdog::kNever;
  const std::uint64_t due = stuck.in_driver_since_ns.load(std::memory_order_relaxed) + kPatienceNs;
  if (now_ns < due) return due;
  const protocol::RingControl& ring = segment_.header().command;
  if (ring.head.load(std::memory_order_acquire) == ring.tail.load(std::memory_order_relaxed)) {
    return now_ns + kPatienceNs;  // nobody waits
  }
  for (int i = 0; i < kThreads; ++i) {
    Thread& next = threads_[i];
    if (next.state.load(std::memory_order_acquire) != static_cast<std::uint32_t>(State::kReserve)) {
      continue;
    }
    const std::lock_guard lock(mutex_);
    if (!stuck.state.compare_exchange_strong(in_driver,
                                             static_cast<std::uint32_t>(State::kRelieved))) {
      return Watchdog::kNever;  // it came back by itself
    }
    held_up_.try_emplace(stuck.stream);
    held_up_count_.fetch_add(1, std::memory_order_release);
    polling_.store(i);
    next.state.store(static_cast<std::uint32_t>(State::kPolling), std::memory_order_release);
    FutexWake(next.state);
    break;
  }
  return now_ns + kPatienceNs;
}

bool Executor::KeepAside(const Command& command) {
  const gpu::StreamId stream = command.header().stream;
  std::unique_lock lock(mutex_);
  if (command.header().kind == CommandKind::kStreamWait &&
      command.size >= sizeof(protocol::StreamWaitCommand)) {
    // It concerns two streams: rather than order it among commands kept aside, let both catch up.
    const auto& wait = *reinterpret_cast<const protocol::StreamWaitCommand*>(command.bytes.data());
    caught_up_.wait(lock, [this, stream, other = wait.other]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return !held_up_.contains(stream) && !held_up_.contains(other);
    });
    return false;
  }
  const auto found = held_up_.find(stream);
  if (found == held_up_.end()) return false;
  found->second.push_back(std::make_unique<Command>(command));
  return true;
}

void Executor::CatchUp(Thread& self) {
  while (true) {
    std::unique_ptr<Command> command;
    {
      const std::lock_guard lock(mutex_);
      const auto found = held_up_.find(self.stream);
      if (found->second.empty()) {
        held_up_.erase(found);
        held_up_count_.fetch_sub(1, std::memory_order_release);
        caught_up_.notify_all();
        return;
      }
      command = std::move(found->second.front());
      found->second.pop_front();
    }
    Execute(*command);
  }
}

void Executor::Execute(const Command& command) {
  const protocol::CommandHeader& header = command.header();
  InFlight* const taken = in_flight_.Take(header.ticket);
  if (taken == nullptr) {
    on_corrupt_();
    return;
  }
  InFlight& entry = *taken;
  entry.submitted_ns = header.submitted_ns;
  entry.timeout_ns = header.timeout_ns;
  entry.stream = header.stream;
  entry.kind = header.kind;
  entry.owner = header.owner;
  absl::Status status = EnsureStream(header.stream);
  if (status.ok()) status = Dispatch(command, entry);
  if (!status.ok()) Refuse(entry, status.code());
}

absl::Status Executor::Dispatch(const Command& command, InFlight& entry) {
  const auto record = [&command]<typename Record>(const Record*) {
    return command.size >= sizeof(Record) ? reinterpret_cast<const Record*>(command.bytes.data())
                                          : nullptr;
  };
  const protocol::CopyCommand* copy = record(static_cast<const protocol::CopyCommand*>(nullptr));
  if (copy != nullptr) entry.bytes = copy->bytes;
  const auto in_staging = [](std::uint64_t offset, std::uint64_t bytes) {
    return bytes <= protocol::kStagingBytes && offset <= protocol::kStagingBytes - bytes;
  };
  switch (entry.kind) {
    case CommandKind::kLaunch:
      return DispatchLaunch(command, entry);
    case CommandKind::kCopy:
      if (copy == nullptr) return Malformed();
      return driver_.Copy(entry.stream, entry.ticket, copy->destination, copy->source, copy->bytes);
    case CommandKind::kCopyIn:
      if (copy == nullptr || !in_staging(copy->source, copy->bytes)) return Malformed();
      return driver_.CopyIn(entry.stream, entry.ticket, copy->destination,
                            segment_.staging() + copy->source, copy->bytes);
    case CommandKind::kCopyOut:
      if (copy == nullptr || !in_staging(copy->destination, copy->bytes)) return Malformed();
      return driver_.CopyOut(entry.stream, entry.ticket, segment_.staging() + copy->destination,
                             copy->source, copy->bytes);
    case CommandKind::kFill: {
      const auto* fill = record(static_cast<const protocol::FillCommand*>(nullptr));
      if (fill == nullptr) return Malformed();
      entry.bytes = fill->bytes;
      return driver_.Fill(entry.stream, entry.ticket, fill->destination, fill->pattern,
                          fill->pattern_bytes, fill->bytes);
    }
    case CommandKind::kMarker:
      return driver_.Marker(entry.stream, entry.ticket);
    case CommandKind::kStreamWait: {
      const auto* wait = record(static_cast<const protocol::StreamWaitCommand*>(nullptr));
      if (wait == nullptr || wait->other >= kMaxStreams) return Malformed();
      absl::Status status = EnsureStream(wait->other);
      // One event for each stream that is waited for: recording replaces.
      const gpu::EventId event = wait->other + 1;
      if (status.ok()) status = driver_.Record(wait->other, event);
      if (status.ok()) status = driver_.Wait(entry.stream, event);
      if (status.ok()) status = driver_.Marker(entry.stream, entry.ticket);
      return status;
    }
    case CommandKind::kPad:
      break;
  }
  return Malformed();
}

absl::Status Executor::DispatchLaunch(const Command& command, InFlight& entry) {
  if (command.size < sizeof(protocol::LaunchCommand)) return Malformed();
  const auto& launch = *reinterpret_cast<const protocol::LaunchCommand*>(command.bytes.data());
  if (launch.args_bytes > command.size - sizeof(protocol::LaunchCommand)) return Malformed();
  entry.function = launch.function;
  entry.grid = {launch.grid[0], launch.grid[1], launch.grid[2]};
  entry.block = {launch.block[0], launch.block[1], launch.block[2]};
  entry.dynamic_shared_bytes = launch.dynamic_shared_bytes;
  entry.kernel = launch.kernel;
  entry.label = launch.label;
  entry.bytes = launch.bytes;
  entry.flops = launch.flops;
  if (entry.timeout_ns != 0) watchdog_.Watch(entry.ticket, entry.function, entry.timeout_ns);
  gpu::LaunchParams params;
  params.function = entry.function;
  params.grid = entry.grid;
  params.block = entry.block;
  params.dynamic_shared_bytes = entry.dynamic_shared_bytes;
  params.args = {command.bytes.data() + sizeof(protocol::LaunchCommand), launch.args_bytes};
  params.watched = entry.timeout_ns != 0;
  return driver_.Launch(entry.stream, entry.ticket, params);
}

absl::Status Executor::EnsureStream(gpu::StreamId stream) {
  if (created_[stream].load(std::memory_order_acquire)) return absl::OkStatus();
  absl::Status status = driver_.CreateStream(stream);
  if (status.ok()) created_[stream].store(true, std::memory_order_release);
  return status;
}

absl::Status Executor::DestroyStream(gpu::StreamId stream) {
  if (stream == 0 || stream >= kMaxStreams) {
    return absl::InvalidArgumentError(absl::StrCat("no stream ", stream));
  }
  if (!created_[stream].load(std::memory_order_acquire)) return absl::OkStatus();
  absl::Status status = driver_.DestroyStream(stream);
  if (status.ok()) created_[stream].store(false, std::memory_order_release);
  return status;
}

void Executor::Refuse(InFlight& entry, absl::StatusCode code) {
  entry.refused = code;
  if (driver_.Marker(entry.stream, entry.ticket).ok()) return;
  const std::uint64_t now = NowNs();
  sink_.OnComplete({entry.ticket, code, now, now});
}

}  // namespace amdgpu::worker
