// Every interleaving of the ring's slot protocol: the code of ring.h itself, with atomics that hand
// over to a scheduler before each step, and a scheduler that tries all orders, depth first.
//
// Interleavings are of single atomic operations (sequentially consistent); what weaker orders may
// do is ThreadSanitizer's to find, and argued in ring.h.

#include <gtest/gtest.h>
#include <ucontext.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <unordered_set>
#include <vector>

#include "telemetry/ring.h"

namespace amdgpu::telemetry {
namespace {

// Threads as coroutines: one runs until its next atomic operation.
class Scheduler {
 public:
  // Before each atomic operation of a thread; outside of Run it does nothing.
  static void Step() {
    if (current_ != nullptr) current_->Yield();
  }
  // What a thread has seen: all that tells its state from that of a thread at the same place.
  static void Observe(std::uint64_t value) {
    if (current_ != nullptr) Mix(current_->threads_[current_->running_].seen, value);
  }
  static void Mix(std::uint64_t& hash, std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }

  static constexpr std::size_t kStop = ~std::size_t{0};
  // Runs the threads; `choose(runnable threads)` says which makes the next step, or kStop to leave
  // them where they are.
  template <typename Choose>
  void Run(const std::vector<std::function<void()>>& bodies, Choose choose) {
    current_ = this;
    count_ = bodies.size();
    for (std::size_t i = 0; i < count_; ++i) Start(i, bodies[i]);
    std::vector<std::size_t> runnable;
    while (true) {
      runnable.clear();
      for (std::size_t i = 0; i < count_; ++i) {
        if (!threads_[i].done) runnable.push_back(i);
      }
      if (runnable.empty()) break;
      const std::size_t choice = choose(runnable);
      if (choice == kStop) break;
      running_ = choice;
      Mix(threads_[choice].seen, 1);  // it is further than before, also if it sees nothing
      swapcontext(&home_, &threads_[running_].context);
    }
    current_ = nullptr;
  }
  // It never makes another step.
  void Kill(std::size_t thread) { threads_[thread].done = true; }

  std::uint64_t StateOfThreads() const {
    std::uint64_t hash = count_;
    for (std::size_t i = 0; i < count_; ++i) {
      Mix(hash, threads_[i].seen);
      Mix(hash, threads_[i].done);
    }
    return hash;
  }

 private:
  struct Thread {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(128 << 10);
    std::function<void()> body;
    std::uint64_t seen = 0;
    bool done = false;
  };

  void Start(std::size_t index, std::function<void()> body) {
    Thread& thread = threads_[index];
    thread.body = std::move(body);
    thread.seen = index;
    thread.done = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
    thread.context.uc_stack.ss_size = thread.stack.size();
    thread.context.uc_link = &home_;
    makecontext(&thread.context, &Scheduler::Main, 0);
  }
  static void Main() {
    Thread& thread = current_->threads_[current_->running_];
    thread.body();
    thread.done = true;
  }
  void Yield() { swapcontext(&threads_[running_].context, &home_); }

  static inline Scheduler* current_ = nullptr;
  ucontext_t home_;
  std::array<Thread, 4> threads_;
  std::size_t count_ = 0;
  std::size_t running_ = 0;
};

struct ModelAccess {
  static void ExpectWrite(const RingSlot&) {}
  static void ExpectRead(const RingSlot&) {}
  static std::uint64_t Load(std::uint64_t& word, std::memory_order) {
    Scheduler::Step();
    Scheduler::Observe(word);
    return word;
  }
  static void Store(std::uint64_t& word, std::uint64_t value, std::memory_order) {
    Scheduler::Step();
    Scheduler::Observe(1);
    word = value;
  }
  static std::uint64_t FetchAdd(std::uint64_t& word, std::uint64_t value) {
    Scheduler::Step();
    const std::uint64_t old = word;
    Scheduler::Observe(old);
    word += value;
    return old;
  }
  static bool CompareExchange(std::uint64_t& word, std::uint64_t& expected, std::uint64_t desired) {
    Scheduler::Step();
    Scheduler::Observe(word);
    if (word == expected) {
      word = desired;
      return true;
    }
    expected = word;
    return false;
  }
};

using Writer = BasicSharedRingWriter<ModelAccess>;
using Reader = BasicRingReader<ModelAccess>;

// Two words that must belong together.
struct Pair {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

// The memory of a ring.
class Memory {
 public:
  explicit Memory(std::size_t slots) : slots_(slots + 1) { Clear(); }
  void Clear() {
    std::memset(static_cast<void*>(slots_.data()), 0, slots_.size() * sizeof(RingSlot));
  }
  void* ring() { return reinterpret_cast<char*>(slots_.data() + 1) - sizeof(RingHeader); }
  // Of what the tests' records use of it.
  std::uint64_t State() {
    std::uint64_t hash = 0;
    Scheduler::Mix(hash, static_cast<RingHeader*>(ring())->head);
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      Scheduler::Mix(hash, slots_[i].mark);
      Scheduler::Mix(hash, slots_[i].lapped);
      Scheduler::Mix(hash, slots_[i].words[0]);
      Scheduler::Mix(hash, slots_[i].words[1]);
    }
    return hash;
  }

 private:
  std::vector<RingSlot> slots_;
};

struct Outcome {
  std::set<std::uint64_t> read;
  std::uint64_t lost = 0;
};

// Reads all there is until the head, and checks it.
void Drain(Reader& reader, Outcome* outcome, std::uint64_t written, bool finished) {
  Pair pair;
  while (true) {
    const std::uint64_t cursor = reader.cursor();
    const Reader::Result result = reader.Next(&pair);
    if (result == Reader::Result::kEmpty) break;
    if (result == Reader::Result::kLost) continue;
    ASSERT_EQ(pair.second, pair.first * 7 + 1) << "torn";
    ASSERT_TRUE(outcome->read.insert(cursor).second) << "twice";
  }
  outcome->lost = reader.lost();
  if (finished) {
    ASSERT_EQ(outcome->read.size() + outcome->lost, written);
  }
}

// `writers` threads that push `pushes` records each into a ring of `slots`, and, if `reading`, a
// reader beside them, in every order. What lies behind a state that was reached before in another
// order is not tried again.
void Explore(std::size_t slots, std::size_t writers, std::size_t pushes, bool reading) {
#ifdef AMDGPU_SANITIZED
  GTEST_SKIP() << "skipped: sanitizers do not follow coroutines of our own";
#endif
  Memory memory(slots);
  Scheduler scheduler;
  const std::uint64_t written = writers * pushes;
  std::unordered_set<std::uint64_t> visited;
  std::vector<std::pair<std::size_t, std::size_t>> path;  // which of how many
  std::uint64_t ends = 0;
  do {
    memory.Clear();
    Writer writer(memory.ring(), slots);
    Reader beside(memory.ring(), slots);
    Outcome outcome;
    std::vector<std::function<void()>> threads;
    for (std::size_t w = 0; w < writers; ++w) {
      threads.push_back([&writer, w, pushes] {
        for (std::size_t p = 0; p < pushes; ++p) {
          const std::uint64_t value = w * 100 + p + 1;
          writer.Push(Pair{value, value * 7 + 1});
        }
      });
    }
    if (reading) threads.push_back([&] { Drain(beside, &outcome, written, false); });
    std::size_t depth = 0;
    bool stopped = false;
    scheduler.Run(threads, [&](const std::vector<std::size_t>& runnable) {
      if (depth == path.size()) {
        std::uint64_t state = memory.State();
        Scheduler::Mix(state, scheduler.StateOfThreads());
        if (!visited.insert(state).second) {
          stopped = true;
          return Scheduler::kStop;
        }
        path.emplace_back(0, runnable.size());
      }
      return runnable[path[depth++].first];
    });
    if (!stopped) {
      ++ends;
      // Nobody writes any more: nothing is open, nothing torn, all is accounted for.
      Drain(beside, &outcome, written, true);
      Reader after(memory.ring(), slots);
      after.Rewind();
      Outcome rest;
      Drain(after, &rest, 0, false);
      ASSERT_EQ(after.behind(), 0u);
      // And every slot is as good as new.
      for (std::uint64_t i = 0; i < slots; ++i) writer.Push(Pair{i, i * 7 + 1});
      Outcome more;
      Drain(after, &more, 0, false);
      ASSERT_EQ(more.read.size(), slots);
      if (::testing::Test::HasFailure()) return;
    }
    while (!path.empty() && path.back().first + 1 == path.back().second) path.pop_back();
    if (!path.empty()) ++path.back().first;
  } while (!path.empty());
  EXPECT_GT(ends, 0u);
  ::testing::Test::RecordProperty("states", static_cast<int>(visited.size()));
}

// A ring of one slot: every record is a lap.
TEST(RingModel, TwoWritersAndAReaderOnOneSlot) { Explore(1, 2, 1, true); }
TEST(RingModel, ThreeWritersOnOneSlot) { Explore(1, 3, 1, false); }
TEST(RingModel, TwoWritersThatComeBackAndAReader) { Explore(1, 2, 2, true); }
TEST(RingModel, TwoWritersOnTwoSlotsAndAReader) { Explore(2, 2, 2, true); }

// A writer that dies between any two of its steps, and another process that goes on.
TEST(RingModel, ADeadWriterLeavesNothingOpen) {
#ifdef AMDGPU_SANITIZED
  GTEST_SKIP() << "skipped: sanitizers do not follow coroutines of our own";
#endif
  constexpr std::size_t kSlots = 2;
  for (int first = 0; first < 8; ++first) {
    for (int second = 0; second < 8; ++second) {
      Memory memory(kSlots);
      Scheduler scheduler;
      Writer writer(memory.ring(), kSlots);
      Reader reader(memory.ring(), kSlots);
      int left[] = {first, second};
      scheduler.Run({[&] { writer.Push(Pair{1, 8}); }, [&] { writer.Push(Pair{2, 15}); }},
                    [&](const std::vector<std::size_t>& runnable) {
                      for (const std::size_t thread : runnable) {
                        if (left[thread]-- > 0) return thread;
                      }
                      return Scheduler::kStop;
                    });
      writer.Recover();
      Outcome outcome;
      Drain(reader, &outcome, 0, false);
      // At once, not a lap later.
      ASSERT_EQ(reader.behind(), 0u);
      for (std::uint64_t i = 3; i < 9; ++i) {
        writer.Push(Pair{i, i * 7 + 1});
        const std::size_t before = outcome.read.size();
        Drain(reader, &outcome, 0, false);
        ASSERT_EQ(outcome.read.size(), before + 1) << "the slots are as good as new";
      }
    }
  }
}

}  // namespace
}  // namespace amdgpu::telemetry
