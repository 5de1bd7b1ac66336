// Unit: the cache in memory.

#include "c_src/kernel/memory_cache.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace amdgpu {
namespace {

CodeObjectRef Code(std::size_t bytes) {
  auto code = std::make_shared<CodeObject>();
  code->bytes = std::string(bytes, 'c');
  return code;
}

TEST(MemoryCacheTest, FindsWhatWasInserted) {
  MemoryCache cache(1 << 20);
  const CodeObjectRef a = Code(100);
  EXPECT_EQ(cache.Find("a"), nullptr);
  cache.Insert("a", a);
  EXPECT_EQ(cache.Find("a"), a);
  const CodeObjectRef again = Code(200);
  cache.Insert("a", again);
  EXPECT_EQ(cache.Find("a"), again);
  cache.Clear();
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(MemoryCacheTest, TheLeastRecentlyUsedGoes) {
  MemoryCache cache(10'000);
  cache.Insert("a", Code(4000));
  cache.Insert("b", Code(4000));
  EXPECT_NE(cache.Find("a"), nullptr);
  cache.Insert("c", Code(4000));
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
  EXPECT_LE(cache.bytes(), 10'000u);
}

TEST(MemoryCacheTest, CodeLargerThanTheCacheIsNotKept) {
  MemoryCache cache(10'000);
  cache.Insert("small", Code(1000));
  cache.Insert("large", Code(20'000));
  EXPECT_EQ(cache.Find("large"), nullptr);
  EXPECT_NE(cache.Find("small"), nullptr);
  MemoryCache none(0);
  none.Insert("a", Code(0));
  EXPECT_EQ(none.Find("a"), nullptr);
}

TEST(MemoryCacheTest, ManyThreads) {
  MemoryCache cache(100'000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::size_t n = static_cast<std::size_t>((i * 7 + t) % 50);
        const std::string name = std::to_string(n);
        if (const CodeObjectRef found = cache.Find(name); found != nullptr) {
          EXPECT_EQ(found->bytes.size(), n * 100);
        } else {
          cache.Insert(name, Code(n * 100));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.bytes(), 100'000u);
}

}  // namespace
}  // namespace amdgpu
