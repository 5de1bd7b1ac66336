// The byte ring and the doorbell: records arrive whole and in order, a full ring refuses, rubbish
// is noticed, nobody sleeps through a record.

#include "c_src/base/byte_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "c_src/base/doorbell.h"

namespace amdgpu {
namespace {

constexpr std::uint64_t kCapacity = 4096;
using Result = ByteRingConsumer::Result;

struct Ring {
  std::atomic<std::uint64_t> head{0}, tail{0};
  std::atomic<std::uint32_t> bell{0}, sleeping{0};
  alignas(64) std::array<std::byte, kCapacity> data{};

  ByteRingProducer Producer() { return {data.data(), kCapacity, &head, &tail}; }
  ByteRingConsumer Consumer() { return {data.data(), kCapacity, &head, &tail}; }
};

struct Record {
  RecordPrefix prefix;
  std::uint32_t producer;
  std::uint64_t number;
};

bool Push(ByteRingProducer& ring, std::uint64_t bytes, std::uint32_t producer,
          std::uint64_t number) {
  std::byte* place = ring.Reserve(bytes);
  if (place == nullptr) return false;
  const Record record{{static_cast<std::uint32_t>(bytes), 1}, producer, number};
  std::memcpy(place, &record, sizeof(record));
  std::memset(place + sizeof(record), static_cast<int>(number & 0xff), bytes - sizeof(record));
  ring.Publish(bytes);
  return true;
}

TEST(ByteRing, FillsUpAndEmpties) {
  auto ring = std::make_unique<Ring>();
  ByteRingProducer producer = ring->Producer();
  ByteRingConsumer consumer = ring->Consumer();
  std::uint64_t pushed = 0;
  while (Push(producer, 64, 0, pushed)) ++pushed;
  EXPECT_EQ(pushed, kCapacity / 64);
  std::array<std::byte, 512> record;
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < pushed; ++i) {
    ASSERT_EQ(consumer.Pop(record.data(), record.size(), &bytes), Result::kRecord);
    EXPECT_EQ(reinterpret_cast<Record*>(record.data())->number, i);
  }
  EXPECT_EQ(consumer.Pop(record.data(), record.size(), &bytes), Result::kEmpty);
  EXPECT_TRUE(producer.empty());
}

TEST(ByteRing, RubbishIsNoticed) {
  std::array<std::byte, 512> record;
  std::uint64_t bytes = 0;
  for (const std::uint32_t claimed : {0u, 1u, 65u, 8192u, 1024u}) {
    auto ring = std::make_unique<Ring>();
    ByteRingConsumer consumer = ring->Consumer();
    const RecordPrefix prefix{claimed, 1};
    std::memcpy(ring->data.data(), &prefix, sizeof(prefix));
    ring->head = 1024;
    EXPECT_EQ(consumer.Pop(record.data(), record.size(), &bytes), Result::kCorrupt) << claimed;
  }
  auto ring = std::make_unique<Ring>();
  ByteRingConsumer consumer = ring->Consumer();
  ring->head = 1 << 30;
  EXPECT_EQ(consumer.Pop(record.data(), record.size(), &bytes), Result::kCorrupt);
}

TEST(ByteRing, SeveralProducersUnderALockAndASleepingConsumer) {
  constexpr std::uint32_t kProducers = 3;
  constexpr std::uint64_t kRecords = 30'000;
  auto ring = std::make_unique<Ring>();
  ByteRingProducer producer = ring->Producer();
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kProducers; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      for (std::uint64_t number = 0; number < kRecords;) {
        const std::uint64_t size = 64 * (1 + random() % 8);
        bool pushed;
        {
          const std::lock_guard lock(mutex);
          pushed = Push(producer, size, i, number);
        }
        number += pushed;
        if (pushed) {
          Doorbell(&ring->bell, &ring->sleeping).Ring();
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  ByteRingConsumer consumer = ring->Consumer();
  std::array<std::uint64_t, kProducers> next{};
  std::array<std::byte, 512> record;
  for (std::uint64_t received = 0; received < kProducers * kRecords;) {
    std::uint64_t bytes = 0;
    const Result result = consumer.Pop(record.data(), record.size(), &bytes);
    ASSERT_NE(result, Result::kCorrupt);
    if (result == Result::kEmpty) {
      Doorbell(&ring->bell, &ring->sleeping).Sleep([&] { return consumer.ready(); });
      continue;
    }
    Record header;
    std::memcpy(&header, record.data(), sizeof(header));
    ASSERT_EQ(header.number, next[header.producer]++);
    for (std::uint64_t i = sizeof(header); i < bytes; ++i) {
      ASSERT_EQ(record[i], static_cast<std::byte>(header.number & 0xff));
    }
    ++received;
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace amdgpu
