// The mutex that leans towards one thread: nobody is inside beside another, whoever comes and goes.

#include "c_src/memory/biased_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace amdgpu {
namespace {

// More often in a row than makes the mutex lean.
constexpr int kLean = 5000;

struct Guarded {
  BiasedMutex mutex;
  std::uint64_t count ABSL_GUARDED_BY(mutex) = 0;
  bool inside ABSL_GUARDED_BY(mutex) = false;

  void Add() {
    BiasedLock lock(&mutex);
    EXPECT_FALSE(inside) << "somebody else is inside";
    inside = true;
    ++count;
    inside = false;
  }
  std::uint64_t Count() {
    BiasedLock lock(&mutex);
    return count;
  }
};

TEST(BiasedMutex, IsTakenByOneThreadAndByAnotherAfterwards) {
  Guarded guarded;
  for (int i = 0; i < 2 * kLean; ++i) guarded.Add();
  std::thread([&] {
    for (int i = 0; i < 2 * kLean; ++i) guarded.Add();
  }).join();
  for (int i = 0; i < 2 * kLean; ++i) guarded.Add();
  EXPECT_EQ(guarded.Count(), 6u * kLean);
}

// One thread leans on it, others come now and then at any moment of its way in and out.
TEST(BiasedMutex, VisitorsFindItEmptyOrWait) {
  Guarded guarded;
  std::atomic<bool> stop{false};
  std::uint64_t own = 0;
  std::thread regular([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      guarded.Add();
      ++own;
    }
  });
  std::vector<std::thread> visitors;
  constexpr int kVisits = 2000;
  for (int v = 0; v < 2; ++v) {
    visitors.emplace_back([&guarded, v] {
      for (int i = 0; i < kVisits; ++i) {
        guarded.Add();
        std::this_thread::sleep_for(std::chrono::microseconds(50 + 37 * v + i % 200));
      }
    });
  }
  for (std::thread& visitor : visitors) visitor.join();
  stop.store(true);
  regular.join();
  EXPECT_EQ(guarded.Count(), own + 2 * kVisits);
}

// A visitor waits for a thread that stays inside by its seat.
TEST(BiasedMutex, AVisitorWaitsForWhoIsInside) {
  BiasedMutex mutex;
  for (int i = 0; i < kLean; ++i) BiasedLock lock(&mutex);
  std::atomic<bool> entered{false};
  mutex.lock();
  std::thread visitor([&] {
    BiasedLock lock(&mutex);
    entered.store(true);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_FALSE(entered.load());
  mutex.unlock();
  visitor.join();
  EXPECT_TRUE(entered.load());
}

// More threads lean on it, one after the other, than it has seats; some are there at once.
TEST(BiasedMutex, ManyThreadsLeanOnItInTurn) {
  Guarded guarded;
  std::vector<std::thread> threads;
  constexpr int kThreads = 24;
  std::atomic<int> turn{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      while (turn.load(std::memory_order_acquire) != t) {
        guarded.Add();
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
      for (int i = 0; i < kLean; ++i) guarded.Add();
      turn.store(t + 1, std::memory_order_release);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(guarded.Count(), std::uint64_t{kThreads} * kLean);
}

}  // namespace
}  // namespace amdgpu
