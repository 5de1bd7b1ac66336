#include "telemetry/sketch.h"

#include <algorithm>
#include <cmath>

namespace amdgpu::telemetry {

void Sketch::AddTo(std::uint32_t bucket, std::uint64_t count) {
  auto& octave = octaves_[bucket / kPerOctave];
  if (octave == nullptr) octave = std::make_unique<std::array<std::uint64_t, kPerOctave>>();
  (*octave)[bucket % kPerOctave] += count;
  count_ += count;
}

std::uint64_t Sketch::Quantile(double share) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
  const std::uint64_t rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  std::uint64_t seen = 0;
  for (std::uint32_t octave = 0; octave < kOctaves; ++octave) {
    if (octaves_[octave] == nullptr) continue;
    for (std::uint32_t m = 0; m < kPerOctave; ++m) {
      seen += (*octaves_[octave])[m];
      if (seen >= rank) return MiddleOf(octave * kPerOctave + m);
    }
  }
  return 0;
}

void Sketch::Encode(proto::Sketch* sketch) const {
  sketch->Clear();
  for (std::uint32_t octave = 0; octave < kOctaves; ++octave) {
    if (octaves_[octave] == nullptr) continue;
    for (std::uint32_t m = 0; m < kPerOctave; ++m) {
      const std::uint64_t count = (*octaves_[octave])[m];
      if (count == 0) continue;
      sketch->add_bucket(octave * kPerOctave + m);
      sketch->add_count(count);
    }
  }
}

void Sketch::Merge(const proto::Sketch& sketch) {
  const int entries = std::min(sketch.bucket_size(), sketch.count_size());
  for (int i = 0; i < entries; ++i) {
    if (sketch.bucket(i) < kBuckets) AddTo(sketch.bucket(i), sketch.count(i));
  }
}

}  // namespace amdgpu::telemetry
