#include "gpu/host/driver/scheduler.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/spin.h"

namespace amdgpu::host {
namespace {

// Work expected to take less runs on the thread that submits it.
constexpr double kSmallNs = 15'000;

// A chunk of a task is made to take about this long: long enough that handing it out costs nothing,
// short enough that threads end together and that streams take turns.
constexpr std::uint64_t kShortChunkNs = 25'000;
constexpr std::uint64_t kLongChunkNs = 400'000;

// How long a thread stays at one task or stream while others want it.
constexpr std::uint64_t kSliceNs = 2'000'000;

// A second thread is woken only for work of at least this much.
constexpr double kWorthAThreadNs = 20'000;

// Threads beyond one per core, so that tasks whose blocks never end do not keep every thread from
// the other streams.
constexpr unsigned kReliefThreads = 2;

constexpr std::uint64_t kMinSpinNs = 2'000;
constexpr std::uint64_t kMaxSpinNs = 50'000;

// The calling thread is one of a scheduler's own.
constinit thread_local bool on_pool_thread = false;

absl::Status NoStream(gpu::StreamId id) {
  return absl::NotFoundError(absl::StrCat("there is no stream ", id));
}

absl::Status NoEvent(gpu::EventId event) {
  return absl::NotFoundError(absl::StrCat("event ", event, " was never recorded"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Scheduler>> Scheduler::Start(unsigned cores,
                                                            gpu::CompletionSink& sink) {
  std::unique_ptr<Scheduler> scheduler = absl::WrapUnique(new Scheduler(cores, sink));
  if (absl::Status status = scheduler->CreateStream(0); !status.ok()) return status;
  for (unsigned i = 0; i < cores + kReliefThreads; ++i) {
    absl::StatusOr<std::unique_ptr<KernelThread>> thread = KernelThread::Start(
        absl::StrCat("kernels-", i), [self = scheduler.get()] { self->PoolThread(); });
    if (!thread.ok()) return thread.status();
    scheduler->threads_.push_back(*std::move(thread));
  }
  return scheduler;
}

Scheduler::~Scheduler() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    cancelling_ = true;
    for (ActiveTask* active : active_) active->cancelled = true;
    WakeThreads(static_cast<unsigned>(threads_.size()), Where::kAnywhere);
    AwaitIdle(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return std::none_of(streams_.begin(), streams_.end(),
                          [](const auto& entry) { return entry.second->busy; });
    });
    stopping_ = true;
    WakeThreads(static_cast<unsigned>(threads_.size()), Where::kAnywhere);
  }
  threads_.clear();
}

absl::Status Scheduler::CreateStream(gpu::StreamId id) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!streams_.emplace(id, std::make_unique<Stream>()).second) {
    return absl::AlreadyExistsError(absl::StrCat("there is a stream ", id, " already"));
  }
  return absl::OkStatus();
}

absl::Status Scheduler::DestroyStream(gpu::StreamId id) {
  if (id == 0) return absl::InvalidArgumentError("stream 0 cannot be destroyed");
  std::unique_lock<std::mutex> lock(mutex_);
  const auto found = streams_.find(id);
  if (found == streams_.end()) return NoStream(id);
  AwaitIdle(lock, [stream = found->second.get()] { return !stream->busy; });
  streams_.erase(id);
  return absl::OkStatus();
}

absl::Status Scheduler::Submit(gpu::StreamId id, std::unique_ptr<Task> task) {
  Item item;
  item.kind = Item::Kind::kTask;
  item.ticket = task->ticket();
  item.task = std::move(task);
  return Enqueue(id, std::move(item));
}

absl::Status Scheduler::SubmitMarker(gpu::StreamId id, gpu::Ticket ticket) {
  Item item;
  item.kind = Item::Kind::kMarker;
  item.ticket = ticket;
  return Enqueue(id, std::move(item));
}

absl::Status Scheduler::Record(gpu::StreamId id, gpu::EventId event) {
  Item item;
  item.kind = Item::Kind::kRecord;
  item.recording = std::make_shared<Recording>();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!streams_.contains(id)) return NoStream(id);
    events_[event] = item.recording;
  }
  return Enqueue(id, std::move(item));
}

absl::Status Scheduler::Wait(gpu::StreamId id, gpu::EventId event) {
  Item item;
  item.kind = Item::Kind::kWait;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = events_.find(event);
    if (found == events_.end()) return NoEvent(event);
    item.recording = found->second;
  }
  return Enqueue(id, std::move(item));
}

absl::StatusOr<bool> Scheduler::Query(gpu::EventId event) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = events_.find(event);
  if (found == events_.end()) return NoEvent(event);
  return found->second->done;
}

absl::Status Scheduler::DestroyEvent(gpu::EventId event) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (events_.erase(event) == 0) return NoEvent(event);
  return absl::OkStatus();
}

absl::Status Scheduler::Synchronize(gpu::StreamId id) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto found = streams_.find(id);
  if (found == streams_.end()) return NoStream(id);
  AwaitIdle(lock, [stream = found->second.get()] { return !stream->busy; });
  return absl::OkStatus();
}

template <typename Condition>
void Scheduler::AwaitIdle(std::unique_lock<std::mutex>& lock, Condition condition) {
  ++idle_waiters_;
  idle_.wait(lock, condition);
  --idle_waiters_;
}

absl::Status Scheduler::Enqueue(gpu::StreamId id, Item item) {
  Stream* stream = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = streams_.find(id);
    if (found == streams_.end()) return NoStream(id);
    stream = found->second.get();
    stream->queue.push_back(std::move(item));
    if (stream->busy) return absl::OkStatus();
    stream->busy = true;
  }
  Advance(*stream);
  return absl::OkStatus();
}

void Scheduler::Advance(Stream& stream) {
  std::uint64_t slice_end = 0;  // decided when something was run
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stream.queue.empty()) {
    Item item = std::move(stream.queue.front());
    stream.queue.pop_front();
    switch (item.kind) {
      case Item::Kind::kMarker:
        lock.unlock();
        CompleteNow(item.ticket, absl::StatusCode::kOk);
        lock.lock();
        break;
      case Item::Kind::kRecord:
        EndRecording(*item.recording);
        break;
      case Item::Kind::kWait:
        if (!item.recording->done) {
          item.recording->waiting.push_back(&stream);
          return;
        }
        break;
      case Item::Kind::kTask:
        if (cancelling_) {
          lock.unlock();
          item.task.reset();
          CompleteNow(item.ticket, absl::StatusCode::kCancelled);
          lock.lock();
          break;
        }
        if (!RunsHere(*item.task)) {
          Activate(stream, std::move(item.task));
          return;
        }
        lock.unlock();
        RunHere(std::move(item.task));
        lock.lock();
        break;
    }
    if (!on_pool_thread || stream.queue.empty()) continue;
    // Others' turn.
    const std::uint64_t now = NowNs();
    if (slice_end == 0) slice_end = now + kSliceNs;
    if (now > slice_end && contenders_.load(std::memory_order_relaxed) > 0) {
      MakeReady(stream);
      return;
    }
  }
  stream.busy = false;
  if (idle_waiters_ > 0) idle_.notify_all();
}

bool Scheduler::RunsHere(const Task& task) const {
  if (task.NeedsKernelThread() && KernelThread::Current() == nullptr) return false;
  const double unit_ns = task.ExpectedUnitNs();
  return unit_ns > 0 && unit_ns * static_cast<double>(task.units()) <= kSmallNs;
}

void Scheduler::RunHere(std::unique_ptr<Task> task) {
  const gpu::Ticket ticket = task->ticket();
  const std::uint64_t started_ns = NowNs();
  sink_.OnStart(ticket, started_ns);
  task->Run(0, task->units());
  const std::uint64_t ended_ns = NowNs();
  task->Finish(static_cast<double>(ended_ns - started_ns) / static_cast<double>(task->units()));
  task.reset();  // before the completion: what it used may be unloaded then
  sink_.OnComplete({.ticket = ticket, .started_ns = started_ns, .ended_ns = ended_ns});
}

void Scheduler::CompleteNow(gpu::Ticket ticket, absl::StatusCode status) {
  const std::uint64_t now = NowNs();
  sink_.OnComplete({.ticket = ticket, .status = status, .started_ns = now, .ended_ns = now});
}

void Scheduler::Activate(Stream& stream, std::unique_ptr<Task> task) {
  auto active = std::make_unique<ActiveTask>();
  double worth = cores_;
  if (const double unit_ns = task->ExpectedUnitNs(); unit_ns > 0) {
    worth = unit_ns * static_cast<double>(task->units()) / kWorthAThreadNs;
  }
  worth = std::min({worth, static_cast<double>(task->units()), static_cast<double>(cores_)});
  active->max_participants = std::max(1u, static_cast<unsigned>(worth));
  active->task = std::move(task);
  active->stream = &stream;
  active->listed = true;
  active_.push_back(active.get());
  stream.active = std::move(active);
  CountContenders();
  // A pool thread looks for work next. Each thread that joins wakes others.
  if (!on_pool_thread) WakeThreads(1, Where::kAnywhere);
}

void Scheduler::EndRecording(Recording& recording) {
  recording.done = true;
  for (Stream* stream : recording.waiting) MakeReady(*stream);
  recording.waiting.clear();
}

void Scheduler::MakeReady(Stream& stream) {
  ready_.push_back(&stream);
  CountContenders();
  WakeThreads(1, Where::kAnywhere);
}

void Scheduler::CountContenders() {
  contenders_.store(active_.size() + ready_.size(), std::memory_order_relaxed);
}

void Scheduler::PoolThread() {
  on_pool_thread = true;
  std::uint64_t spin_ns = 0;
  Sleeper self;
  self.thread = pthread_self();
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    if (!WorkOnce(lock, self)) WaitForWork(lock, self, spin_ns);
  }
}

bool Scheduler::WorkOnce(std::unique_lock<std::mutex>& lock, Sleeper& self) {
  ActiveTask* active = (prefer_ready_ && !ready_.empty()) ? nullptr : TakeActive();
  if (active == nullptr && ready_.empty()) return false;
  prefer_ready_ = active != nullptr;
  if (active == nullptr) {
    Stream* stream = ready_.front();
    ready_.pop_front();
    CountContenders();
    lock.unlock();
    Advance(*stream);
    lock.lock();
    return true;
  }

  const bool first = !std::exchange(active->started, true);
  ++active->participants;
  // Under the lock: this thread may lose its core before it runs a block, and others run them all.
  if (first) active->started_ns = NowNs();
  const unsigned missing = active->max_participants - active->participants;
  WakeThreads(std::min(missing, 2u), Where::kAwayFromMe);
  lock.unlock();
  if (std::exchange(self.placed, false)) placement_.AnyCpu();
  if (first) sink_.OnStart(active->task->ticket(), active->started_ns);
  Participate(*active);
  lock.lock();
  --active->participants;
  if (!active->Exhausted()) return true;
  if (std::exchange(active->listed, false)) {
    active_.erase(std::find(active_.begin(), active_.end(), active));
    CountContenders();
  }
  if (active->participants > 0) return true;  // the last one out completes it
  lock.unlock();
  CompleteActive(*active->stream);
  lock.lock();
  return true;
}

Scheduler::ActiveTask* Scheduler::TakeActive() {
  for (auto candidate = active_.begin(); candidate != active_.end(); ++candidate) {
    ActiveTask* active = *candidate;
    const bool wants_thread = active->Exhausted() ? active->participants == 0
                                                  : active->participants < active->max_participants;
    if (!wants_thread) continue;
    active_.erase(candidate);  // to the back: all take turns
    active_.push_back(active);
    return active;
  }
  return nullptr;
}

void Scheduler::Participate(ActiveTask& active) {
  Task& task = *active.task;
  const std::uint64_t units = task.units();
  const double unit_ns = task.ExpectedUnitNs();
  std::uint64_t chunk = 1;
  if (unit_ns > 0) {
    chunk = static_cast<std::uint64_t>(
        std::clamp(2.0 * kShortChunkNs / unit_ns, 1.0, static_cast<double>(units)));
  }
  const std::uint64_t begin = NowNs();
  std::uint64_t previous = begin;
  while (!active.Exhausted()) {
    const std::uint64_t left = units - std::min(units, active.next.load(std::memory_order_relaxed));
    // Smaller towards the end, so that threads end together.
    const std::uint64_t count = std::min(chunk, std::max<std::uint64_t>(1, left / (2 * cores_)));
    const std::uint64_t first = active.next.fetch_add(count, std::memory_order_relaxed);
    if (first >= units) break;
    task.Run(first, std::min(first + count, units));
    const std::uint64_t now = NowNs();
    const std::uint64_t took = now - std::exchange(previous, now);
    if (took < kShortChunkNs) chunk = std::min(2 * chunk, units);
    if (took > kLongChunkNs) chunk = std::max<std::uint64_t>(1, chunk / 2);
    if (now - begin > kSliceNs && contenders_.load(std::memory_order_relaxed) > 1) break;
  }
  active.thread_ns.fetch_add(previous - begin, std::memory_order_relaxed);
}

void Scheduler::CompleteActive(Stream& stream) {
  const std::unique_ptr<ActiveTask> active = std::move(stream.active);
  const std::uint64_t ended_ns = NowNs();
  Task& task = *active->task;
  const gpu::Ticket ticket = task.ticket();
  const bool cancelled = active->next.load(std::memory_order_relaxed) < task.units();
  if (!cancelled) {
    task.Finish(static_cast<double>(active->thread_ns.load(std::memory_order_relaxed)) /
                static_cast<double>(task.units()));
  }
  active->task.reset();  // before the completion: what it used may be unloaded then
  sink_.OnComplete({.ticket = ticket,
                    .status = cancelled ? absl::StatusCode::kCancelled : absl::StatusCode::kOk,
                    .started_ns = active->started ? active->started_ns : ended_ns,
                    .ended_ns = ended_ns});
  Advance(stream);
}

void Scheduler::WaitForWork(std::unique_lock<std::mutex>& lock, Sleeper& self,
                            std::uint64_t& spin_ns) {
  // One thread at a time spins, as long as it finds work that way.
  if (spin_ns >= kMinSpinNs && spinning_ == 0) {
    ++spinning_;
    const std::uint64_t seen = posted_.load(std::memory_order_relaxed);
    const std::uint64_t deadline = spin_deadline_ns_ = NowNs() + spin_ns;
    lock.unlock();
    bool found = false;
    while (!found && NowNs() < deadline) {
      for (int i = 0; i < 16; ++i) CpuRelax();
      found = posted_.load(std::memory_order_acquire) != seen;
    }
    lock.lock();
    --spinning_;
    spin_ns = found ? std::min(2 * spin_ns, kMaxSpinNs) : spin_ns / 2;
    return;
  }
  const std::uint64_t slept_ns = NowNs();
  if (std::exchange(self.placed, false)) placement_.AnyCpu();  // woken for nothing
  self.awake = false;
  sleepers_.push_back(&self);
  self.woken_up.wait(lock, [&self] { return self.awake; });
  // Woken soon: spinning would have caught it.
  if (NowNs() - slept_ns < kMaxSpinNs) spin_ns = std::max(spin_ns, 4 * kMinSpinNs);
}

void Scheduler::WakeThreads(unsigned count, Where where) {
  if (count == 0) return;
  posted_.fetch_add(1, std::memory_order_release);
  // One that should have stopped by now has lost its core: nothing is to be expected of it.
  if (spinning_ > 0 && NowNs() < spin_deadline_ns_) --count;
  for (; count > 0 && !sleepers_.empty(); --count) {
    Sleeper& sleeper = *sleepers_.back();
    sleepers_.pop_back();
    if (where == Where::kAwayFromMe) sleeper.placed = placement_.AwayFromMe(sleeper.thread);
    sleeper.awake = true;
    sleeper.woken_up.notify_one();
  }
}

}  // namespace amdgpu::host
