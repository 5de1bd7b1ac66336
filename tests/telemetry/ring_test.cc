// The broadcast ring: readers see whole records in order, or are told what they lost.

#include "telemetry/ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace amdgpu::telemetry {
namespace {

constexpr std::size_t kSlots = 64;

struct Record {
  std::uint64_t number;
  std::uint64_t copies[29];
};

Record Make(std::uint64_t number) {
  Record record{number, {}};
  for (std::uint64_t i = 0; i < 29; ++i) record.copies[i] = number * 31 + i;
  return record;
}

bool Whole(const Record& record) {
  for (std::uint64_t i = 0; i < 29; ++i) {
    if (record.copies[i] != record.number * 31 + i) return false;
  }
  return true;
}

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
std::unique_ptr<void, Free> NewRing() {
  void* memory = std::aligned_alloc(64, RingBytes(kSlots));
  std::memset(memory, 0, RingBytes(kSlots));
  return std::unique_ptr<void, Free>(memory);
}

TEST(TelemetryRing, ReadsWhatWasWrittenSince) {
  const auto memory = NewRing();
  RingWriter writer(memory.get(), kSlots);
  writer.Push(Make(100));
  RingReader reader(memory.get(), kSlots);
  Record record;
  EXPECT_EQ(reader.Next(&record), RingReader::Result::kEmpty);
  writer.Push(Make(101));
  ASSERT_EQ(reader.Next(&record), RingReader::Result::kRecord);
  EXPECT_EQ(record.number, 101u);
  reader.Rewind();
  ASSERT_EQ(reader.Next(&record), RingReader::Result::kRecord);
  EXPECT_EQ(record.number, 100u);
}

TEST(TelemetryRing, CountsWhatWasLost) {
  const auto memory = NewRing();
  RingWriter writer(memory.get(), kSlots);
  RingReader reader(memory.get(), kSlots);
  for (std::uint64_t i = 0; i < 1000; ++i) writer.Push(Make(i));
  Record record;
  EXPECT_EQ(reader.Next(&record), RingReader::Result::kLost);
  std::uint64_t read = 0;
  while (reader.Next(&record) == RingReader::Result::kRecord) {
    EXPECT_EQ(record.number, reader.lost() + read);
    ++read;
  }
  EXPECT_EQ(reader.lost() + read, 1000u);
  EXPECT_EQ(read, kSlots / 2);
}

TEST(TelemetryRing, ANewWriterContinues) {
  const auto memory = NewRing();
  RingReader reader(memory.get(), kSlots);
  RingWriter(memory.get(), kSlots).Push(Make(0));
  RingWriter(memory.get(), kSlots).Push(Make(1));
  Record record;
  ASSERT_EQ(reader.Next(&record), RingReader::Result::kRecord);
  ASSERT_EQ(reader.Next(&record), RingReader::Result::kRecord);
  EXPECT_EQ(record.number, 1u);
}

TEST(TelemetryRing, NoReaderSeesATornRecord) {
  constexpr std::uint64_t kRecords = 300'000;
  const auto memory = NewRing();
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, reader = RingReader(memory.get(), kSlots)]() mutable {
      std::uint64_t read = 0;
      bool last_look = false;
      while (true) {
        Record record;
        const RingReader::Result result = reader.Next(&record);
        if (result == RingReader::Result::kRecord) {
          ASSERT_TRUE(Whole(record));
          ASSERT_EQ(record.number, read + reader.lost());
          ++read;
        } else if (result == RingReader::Result::kEmpty) {
          if (last_look) break;
          last_look = done;
        }
      }
      EXPECT_EQ(read + reader.lost(), kRecords);
    });
  }
  RingWriter writer(memory.get(), kSlots);
  for (std::uint64_t i = 0; i < kRecords; ++i) writer.Push(Make(i));
  done = true;
  for (std::thread& reader : readers) reader.join();
}

// Records of several writers: each comes once and whole, or is counted as lost; those of one writer
// in its order.
void SeveralWriters(std::uint64_t records, int writers, int readers_count) {
  const auto memory = NewRing();
  SharedRingWriter writer(memory.get(), kSlots);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> read_in_all{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < readers_count; ++i) {
    readers.emplace_back([&, reader = RingReader(memory.get(), kSlots)]() mutable {
      std::vector<std::uint64_t> newest(writers, 0);
      std::uint64_t read = 0;
      Record record;
      while (true) {
        const bool last_look = done;
        const RingReader::Result result = reader.Next(&record);
        if (result == RingReader::Result::kRecord) {
          ASSERT_TRUE(Whole(record));
          std::uint64_t& before = newest[record.number % writers];
          ASSERT_GT(record.number, before);
          before = record.number;
          ++read;
        } else if (result == RingReader::Result::kEmpty && last_look) {
          break;
        }
      }
      EXPECT_EQ(read + reader.lost(), records / writers * writers);
      read_in_all += read;
    });
  }
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      for (std::uint64_t i = 1; i <= records / writers; ++i) writer.Push(Make(i * writers + w));
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(read_in_all, 0u);
}

TEST(TelemetryRing, SeveralWritersTwoReaders) { SeveralWriters(200'000, 3, 2); }

TEST(TelemetryRing, AHundredMillionRecordsThreeReaders) {
  if (std::getenv("AMDGPU_FULL_TESTS") == nullptr) {
    GTEST_SKIP() << "skipped: takes a minute; AMDGPU_FULL_TESTS=1 runs it";
  }
  SeveralWriters(100'000'000, 2, 3);
}

}  // namespace
}  // namespace amdgpu::telemetry
