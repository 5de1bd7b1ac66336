// The stand-in's streams, a thread each, and its events.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "tests/support/standin/standin.h"

namespace standin {
namespace {

using Clock = std::chrono::steady_clock;

// As on a device: a call that queues more than this waits.
constexpr std::size_t kMostQueued = 1024;

std::atomic<Result> sticky{kSuccess};

struct EventState {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t recorded = 0;  // times
  std::uint64_t happened = 0;  // of them
  Clock::time_point when;
};

class StreamState {
 public:
  StreamState() : thread_([this] { Run(); }) {}
  ~StreamState() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void Push(std::function<Result()> work) {
    std::unique_lock lock(mutex_);
    if (inline_ && work_.empty() && !busy_) {
      const Result result = work();
      Result none = kSuccess;
      if (result != kSuccess) sticky.compare_exchange_strong(none, result);
      return;
    }
    changed_.wait(lock, [this] { return work_.size() < kMostQueued; });
    work_.push_back(std::move(work));
    changed_.notify_all();
  }

  void Synchronize() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return work_.empty() && !busy_; });
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return !work_.empty() || stop_; });
      if (work_.empty()) return;
      const std::function<Result()> work = std::move(work_.front());
      work_.pop_front();
      busy_ = true;
      lock.unlock();
      const Result result = work();
      Result none = kSuccess;
      if (result != kSuccess) sticky.compare_exchange_strong(none, result);
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }

  // An idle stream's work is done by who queues it: the time that a driver takes, and nothing else.
  const bool inline_ = std::getenv("AMD_STANDIN_INLINE") != nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<Result()>> work_;
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;
};

StreamState& State(Stream stream) { return *reinterpret_cast<StreamState*>(stream); }
EventState& State(Event event) { return *reinterpret_cast<EventState*>(event); }

}  // namespace

Result Sticky() { return sticky.load(); }
void Recover() { sticky.store(kSuccess); }

Result StreamCreate(Stream* stream) {
  *stream = reinterpret_cast<Stream>(new StreamState);
  return kSuccess;
}

Result StreamDestroy(Stream stream) {
  delete &State(stream);
  return kSuccess;
}

Result StreamSynchronize(Stream stream) {
  State(stream).Synchronize();
  return Sticky();
}

Result Enqueue(Stream stream, std::function<Result()> work) {
  State(stream).Push([work = std::move(work)] {
    // After a fault the device does nothing more.
    return Sticky() == kSuccess ? work() : kSuccess;
  });
  return kSuccess;
}

Result StreamWaitEvent(Stream stream, Event event) {
  EventState& state = State(event);
  std::uint64_t until;
  {
    const std::lock_guard lock(state.mutex);
    until = state.recorded;
  }
  State(stream).Push([&state, until] {
    std::unique_lock lock(state.mutex);
    state.changed.wait(lock, [&state, until] { return state.happened >= until; });
    return kSuccess;
  });
  return kSuccess;
}

Result EventCreate(Event* event) {
  *event = reinterpret_cast<Event>(new EventState);
  return kSuccess;
}

Result EventDestroy(Event event) {
  delete &State(event);
  return kSuccess;
}

Result EventRecord(Event event, Stream stream) {
  EventState& state = State(event);
  std::uint64_t number;
  {
    const std::lock_guard lock(state.mutex);
    number = ++state.recorded;
  }
  State(stream).Push([&state, number] {
    const std::lock_guard lock(state.mutex);
    state.happened = number;
    state.when = Clock::now();
    state.changed.notify_all();
    return kSuccess;
  });
  return kSuccess;
}

Result EventQuery(Event event) {
  EventState& state = State(event);
  const std::lock_guard lock(state.mutex);
  if (state.happened != state.recorded) return kNotReady;
  return Sticky();
}

Result EventSynchronize(Event event) {
  EventState& state = State(event);
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, [&state] { return state.happened == state.recorded; });
  return Sticky();
}

Result EventElapsedTime(float* milliseconds, Event start, Event end) {
  const auto when = [](Event event) {
    EventState& state = State(event);
    const std::lock_guard lock(state.mutex);
    return state.when;
  };
  *milliseconds = std::chrono::duration<float, std::milli>(when(end) - when(start)).count();
  return kSuccess;
}

}  // namespace standin
