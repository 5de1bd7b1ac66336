// What the sides of this benchmark have in common: what is measured, and how.

#ifndef AMDGPU_BENCH_VENDOR_MEASURE_H_
#define AMDGPU_BENCH_VENDOR_MEASURE_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "c_src/base/clock.h"
#include "gpu/vendor/vendor_api.h"

namespace amdgpu::bench {

// Values by name. Names end in their unit: "launch.awaited us", "copy.in GB/s", "gemm.f32 TFLOP/s".
using Values = std::map<std::string, double>;

struct Job {
  std::string kind;                    // "hip" or "cuda"
  std::vector<std::string> libraries;  // the vendor's runtime
  std::vector<std::string> blas;       // and its BLAS
  std::string worker;                  // the amdgpu_worker executable; empty: without
  std::string code;                    // a proto::VendorCodeObject with a kernel "empty"
  std::uint64_t copy_bytes = 0;        // of one copy; from and to the CPU's memory at most 16 MiB
  std::uint32_t side = 0;              // of the matrices
};

// Ends the program unless all is well.
void Check(const absl::Status& status);

// Seconds that `body` takes: the least of some rounds, after one that does not count.
inline double Best(absl::FunctionRef<void()> body) {
  constexpr int kRounds = 5;
  std::uint64_t best = ~std::uint64_t{0};
  body();
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t start = NowNs();
    body();
    best = std::min(best, NowNs() - start);
  }
  return static_cast<double>(best) * 1e-9;
}

// How often each is done in a round.
inline constexpr int kAwaited = 2000;
inline constexpr int kPipelined = 20000;
inline constexpr int kCopies = 20;
inline constexpr int kProducts = 20;
// The part of a copy that goes through pinned memory of this process.
inline constexpr std::uint64_t kPinnedBytes = std::uint64_t{16} << 20;

// The vendor's own calls. `about` is told the device and the versions.
Values MeasureRaw(const Job& job, const vendor::VendorApi& api, std::string* about);
// gpu/vendor in this process: what the driver adds.
Values MeasureDriver(const Job& job);
// c_src/runtime over a worker process: what a program in C++ would see, and the BEAM nearly so.
Values MeasureWorker(const Job& job);

}  // namespace amdgpu::bench

#endif  // AMDGPU_BENCH_VENDOR_MEASURE_H_
