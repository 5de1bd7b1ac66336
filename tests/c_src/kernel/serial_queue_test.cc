// Unit: a thread with a queue.

#include "c_src/kernel/serial_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"

namespace amdgpu {
namespace {

TEST(SerialQueueTest, RunsEverythingInOrderBeforeItGoes) {
  std::vector<int> ran;
  {
    SerialQueue queue("test");
    for (int i = 0; i < 1000; ++i) queue.Post([&ran, i] { ran.push_back(i); });
  }
  ASSERT_EQ(ran.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ran[static_cast<std::size_t>(i)], i);
}

TEST(SerialQueueTest, WhatIsDueLaterHoldsUpNothing) {
  SerialQueue queue("test");
  std::promise<std::uint64_t> ran_ns;
  std::promise<void> other;
  const std::uint64_t due_ns = NowNs() + 20 * kMillisecondNs;
  queue.PostAt(NowNs() + 3600 * kSecondNs, [] {});
  queue.PostAt(due_ns, [&] { ran_ns.set_value(NowNs()); });
  queue.Post([&] { other.set_value(); });
  other.get_future().wait();
  EXPECT_GE(ran_ns.get_future().get(), due_ns);
}

TEST(SerialQueueTest, WhatIsNotYetDueRunsBeforeItGoes) {
  bool ran = false;
  {
    SerialQueue queue("test");
    queue.PostAt(NowNs() + 3600 * kSecondNs, [&] { ran = true; });
  }
  EXPECT_TRUE(ran);
}

TEST(SerialQueueTest, MayBeDestroyedByItsOwnTask) {
  std::promise<void> last;
  auto queue = std::make_unique<SerialQueue>("test");
  SerialQueue* const raw = queue.get();
  std::promise<void> go;
  raw->Post([&] {
    go.get_future().wait();
    queue.reset();
  });
  raw->Post([&] { last.set_value(); });
  go.set_value();
  last.get_future().wait();
}

}  // namespace
}  // namespace amdgpu
