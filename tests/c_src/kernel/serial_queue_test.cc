// Unit: a thread with a queue.

#include "c_src/kernel/serial_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"

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

TEST(SerialQueueTest, MayBeDestroyedByItsOwnTask) {
  absl::Notification last;
  auto queue = std::make_unique<SerialQueue>("test");
  SerialQueue* const raw = queue.get();
  absl::Notification go;
  raw->Post([&] {
    go.WaitForNotification();
    queue.reset();
  });
  raw->Post([&] { last.Notify(); });
  go.Notify();
  last.WaitForNotification();
}

}  // namespace
}  // namespace amdgpu
