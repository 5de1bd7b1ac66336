// Where threads may run, before and after they were sent away.

#include "gpu/host/driver/placement.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace amdgpu::host {
namespace {

cpu_set_t CpusOf(pthread_t thread) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  EXPECT_EQ(pthread_getaffinity_np(thread, sizeof(cpus), &cpus), 0);
  return cpus;
}

TEST(PlacementTest, AThreadIsSentAwayAndComesBack) {
  const cpu_set_t all = CpusOf(pthread_self());
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "there is one CPU only: nowhere to send a thread";
  const Placement placement;
  std::promise<void> wake;
  std::promise<cpu_set_t> released;
  std::promise<void> end;
  std::thread sleeper([&] {
    wake.get_future().wait();
    placement.AnyCpu();
    released.set_value(CpusOf(pthread_self()));
    end.get_future().wait();
  });
  // On one CPU, so that it is known which one the thread has to stay off.
  cpu_set_t here;
  CPU_ZERO(&here);
  const int cpu = sched_getcpu();
  CPU_SET(cpu, &here);
  ASSERT_EQ(pthread_setaffinity_np(pthread_self(), sizeof(here), &here), 0);
  EXPECT_TRUE(placement.AwayFromMe(sleeper.native_handle()));
  const cpu_set_t away = CpusOf(sleeper.native_handle());
  EXPECT_FALSE(CPU_ISSET(cpu, &away));
  EXPECT_EQ(CPU_COUNT(&away), CPU_COUNT(&all) - 1);
  wake.set_value();
  const cpu_set_t after = released.get_future().get();
  EXPECT_TRUE(CPU_EQUAL(&after, &all));
  end.set_value();
  sleeper.join();
  pthread_setaffinity_np(pthread_self(), sizeof(all), &all);
}

TEST(PlacementTest, WithOneCpuNothingChanges) {
  const cpu_set_t all = CpusOf(pthread_self());
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(pthread_setaffinity_np(pthread_self(), sizeof(one), &one), 0);
  const Placement placement;
  EXPECT_FALSE(placement.AwayFromMe(pthread_self()));
  const cpu_set_t after = CpusOf(pthread_self());
  EXPECT_TRUE(CPU_EQUAL(&after, &one));
  pthread_setaffinity_np(pthread_self(), sizeof(all), &all);
}

}  // namespace
}  // namespace amdgpu::host
