// A histogram of nanoseconds with a bounded relative error: log-linear buckets, 64 to an octave.
//
// Bucket b < 64 holds the value b; bucket 64 * k + m (k > 0, m < 64) the 2^(k-1) values from
// (64 + m) * 2^(k-1) on. Answering with a bucket's middle is wrong by at most 1/128. Two sketches
// are merged by adding counts, and that loses nothing: proto::Sketch carries them as they are.

#ifndef AMDGPU_TELEMETRY_SKETCH_H_
#define AMDGPU_TELEMETRY_SKETCH_H_

#include <array>
#include <bit>
#include <cstdint>
#include <memory>

#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

// Not thread-safe.
class Sketch {
 public:
  static constexpr std::uint32_t kPerOctave = 64;
  static constexpr std::uint32_t kOctaves = 59;
  static constexpr std::uint32_t kBuckets = kPerOctave * kOctaves;

  static constexpr std::uint32_t BucketOf(std::uint64_t value) {
    if (value < kPerOctave) return static_cast<std::uint32_t>(value);
    const std::uint32_t shift = static_cast<std::uint32_t>(std::bit_width(value)) - 7;
    return kPerOctave * (shift + 1) + (static_cast<std::uint32_t>(value >> shift) & 63);
  }
  // What stands for the values of a bucket.
  static constexpr std::uint64_t MiddleOf(std::uint32_t bucket) {
    if (bucket < kPerOctave) return bucket;
    const std::uint32_t shift = bucket / kPerOctave - 1;
    const std::uint64_t first = std::uint64_t{kPerOctave + bucket % kPerOctave} << shift;
    return first + ((std::uint64_t{1} << shift) - 1) / 2;
  }

  void Add(std::uint64_t value) { AddTo(BucketOf(value), 1); }
  // `bucket` below kBuckets.
  void AddTo(std::uint32_t bucket, std::uint64_t count);
  std::uint64_t count() const { return count_; }
  // The value that this share of all are below or at; 0 while there are none.
  std::uint64_t Quantile(double share) const;

  void Encode(proto::Sketch* sketch) const;
  // Adds the counts of another; what is no sketch (buckets there are not, lists of different
  // lengths) adds what of it makes sense.
  void Merge(const proto::Sketch& sketch);

 private:
  std::array<std::unique_ptr<std::array<std::uint64_t, kPerOctave>>, kOctaves> octaves_;
  std::uint64_t count_ = 0;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SKETCH_H_
