// The records that travel through a worker's telemetry ring. All are of one build: client and
// worker refuse each other otherwise.

#ifndef AMDGPU_TELEMETRY_RECORD_H_
#define AMDGPU_TELEMETRY_RECORD_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "telemetry/ring.h"

namespace amdgpu::telemetry {

enum class RecordKind : std::uint16_t {
  kNone = 0,
  kLaunch = 1,     // a launch has ended
  kCopy = 2,       // a copy or a fill has ended
  kSeries = 3,     // what a number of a series stands for
  kSample = 4,     // what a probe has read
  kSampler = 5,    // the sampler's tick is over
  kProbe = 6,      // how a probe does
  kLaunchRun = 7,  // launches that are alike have ended
};

// Every record begins with this.
struct RecordHeader {
  RecordKind kind = RecordKind::kNone;
  std::uint16_t words = 0;  // of the whole record
  std::uint32_t reserved = 0;
  std::uint64_t time_ns = 0;  // when it happened, NowNs() clock
};

template <typename Record>
constexpr RecordHeader MakeHeader(RecordKind kind, std::uint64_t time_ns) {
  return {kind, sizeof(Record) / 8, 0, time_ns};
}

// A text of at most N - 1 bytes, cut if it is longer.
template <std::size_t N>
struct ShortText {
  char bytes[N] = {};

  void Set(absl::string_view text) {
    std::memcpy(bytes, text.data(), std::min(text.size(), N - 1));
  }
  absl::string_view view() const { return {bytes, strnlen(bytes, N)}; }
};

// All of a launch but when it ran.
struct LaunchKey {
  std::uint64_t owner = 0;
  std::uint64_t bytes = 0;  // read and written by the kernel, as the caller says; 0 = not said
  std::uint64_t flops = 0;
  std::uint32_t kernel = 0;  // the client's numbers
  std::uint32_t label = 0;
  std::uint32_t stream = 0;
  std::int32_t status = 0;  // absl::StatusCode
  std::uint32_t grid[3] = {};
  std::uint32_t block[3] = {};
  std::uint32_t dynamic_shared_bytes = 0;
  std::uint32_t reserved = 0;

  bool operator==(const LaunchKey&) const = default;
};

struct LaunchRecord {
  RecordHeader header;  // time_ns: it ended
  std::uint64_t ticket = 0;
  std::uint64_t queued_ns = 0;
  std::uint64_t started_ns = 0;
  LaunchKey key;

  // Clocks of a device may be a little off those of the host.
  std::uint64_t wait_ns() const { return started_ns > queued_ns ? started_ns - queued_ns : 0; }
  std::uint64_t busy_ns() const {
    return header.time_ns > started_ns ? header.time_ns - started_ns : 0;
  }
};
static_assert(RingRecord<LaunchRecord>);
// With its slot's head two cache lines: what the ring asks for ahead.
static_assert(offsetof(RingSlot, words) + sizeof(LaunchRecord) <= 128);

// Launches that are alike and went well, see launch_runs.h.
struct LaunchRunRecord {
  static constexpr std::size_t kMost = 63;
  RecordHeader header;  // time_ns: the last ended
  LaunchKey key;
  std::uint64_t wait_ns = 0;  // of all
  std::uint64_t busy_ns = 0;
  // Ticket of the last, and their number in the low bits: one word, so that a worker's death leaves
  // both of the same launch.
  std::uint64_t last = 0;
  std::uint16_t bucket[kMost] = {};  // of the time of each: Sketch::BucketOf
  std::uint16_t reserved = 0;

  static constexpr int kCountBits = 6;
  std::size_t count() const { return last & ((1 << kCountBits) - 1); }
  std::uint64_t last_ticket() const { return last >> kCountBits; }
  static std::uint64_t Last(std::uint64_t ticket, std::size_t count) {
    return ticket << kCountBits | count;
  }
};
static_assert(RingRecord<LaunchRunRecord> && sizeof(LaunchRunRecord) == kMaxRecordBytes);

struct CopyRecord {
  RecordHeader header;  // time_ns: it ended
  std::uint64_t ticket = 0;
  std::uint64_t owner = 0;
  std::uint64_t queued_ns = 0;
  std::uint64_t started_ns = 0;
  std::uint64_t bytes = 0;
  std::uint32_t stream = 0;
  std::int32_t status = 0;
  std::uint32_t direction = 0;  // proto::Copy::Direction
  std::uint32_t reserved = 0;
};
static_assert(RingRecord<CopyRecord>);

// Sent when the sampler starts and once a second: who missed it learns it then.
struct SeriesRecord {
  RecordHeader header;
  std::uint16_t series = 0;
  std::uint16_t metric = 0;  // proto::Metric
  std::int32_t core = -1;    // of the machine; -1 = not of one core
  ShortText<48> label;
  ShortText<16> source;
};
static_assert(RingRecord<SeriesRecord>);

// The values of successive series, read at header.time_ns. Also repeated once a second.
struct SampleRecord {
  static constexpr std::size_t kMost = 24;
  RecordHeader header;
  std::uint16_t first_series = 0;
  std::uint16_t count = 0;
  std::uint32_t reserved = 0;
  std::uint8_t absence[kMost] = {};  // proto::Absence
  double value[kMost] = {};
};
static_assert(RingRecord<SampleRecord> && sizeof(SampleRecord) == kMaxRecordBytes);

struct SamplerRecord {
  RecordHeader header;  // time_ns: the tick's fast values have been read
  std::uint64_t due_ns = 0;
  std::uint64_t period_ns = 0;
  std::uint64_t ticks = 0;
  std::uint64_t skipped = 0;
  std::uint64_t lateness_ns = 0;
  std::uint64_t lateness_p50_ns = 0;
  std::uint64_t lateness_p99_ns = 0;
  std::uint64_t cpu_ns = 0;  // of the worker's process
  std::uint64_t rss_bytes = 0;
  std::uint64_t realtime = 0;  // 1: SCHED_FIFO
};
static_assert(RingRecord<SamplerRecord>);

struct ProbeRecord {
  RecordHeader header;
  std::uint64_t period_ns = 0;
  std::uint64_t cost_ns = 0;
  std::uint16_t probe = 0;
  std::uint16_t slowed = 0;  // groups it was moved down by
  std::uint32_t reserved = 0;
  ShortText<16> source;
  ShortText<32> name;
};
static_assert(RingRecord<ProbeRecord>);

// Large enough for any.
struct AnyRecord {
  RecordHeader header;
  std::uint64_t rest[kSlotWords - sizeof(RecordHeader) / 8];

  template <typename Record>
  const Record& As() const {
    return *reinterpret_cast<const Record*>(this);
  }
};
static_assert(RingRecord<AnyRecord> && sizeof(AnyRecord) == kMaxRecordBytes);

// For RingReader::Next: how long a record is, from its first word.
inline std::size_t WordsOfRecord(std::uint64_t first_word) {
  RecordHeader header;
  std::memcpy(static_cast<void*>(&header), &first_word, sizeof(first_word));
  return std::max<std::size_t>(header.words, sizeof(RecordHeader) / 8);
}

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RECORD_H_
