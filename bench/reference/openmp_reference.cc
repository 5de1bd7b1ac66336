// openmp_reference: what the machine does without us, for bench/library.exs: a line "name
// milliseconds" for each job, the median of several runs. The sizes are those of the script.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "bench/reference/openmp.h"

namespace amdgpu::bench {
namespace {

constexpr int kElements = 1 << 24;
constexpr int kBytes = 1 << 26;
constexpr int kMatrix = 1024;
constexpr int kRepeats = 9;

void measure(const char* name, const std::function<void()>& job) {
  std::vector<double> times;
  for (int repeat = -1; repeat < kRepeats; ++repeat) {  // the first one warms up
    const auto start = std::chrono::steady_clock::now();
    job();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (repeat >= 0) times.push_back(time.count());
  }
  std::nth_element(times.begin(), times.begin() + kRepeats / 2, times.end());
  std::printf("%s %.4f\n", name, times[kRepeats / 2]);
}

void measureAll() {
  openmp::setThreads(static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<float> a(kElements, 1.0f), b(kElements, 2.0f), c(kElements);
  std::vector<unsigned char> bytes(kBytes);
  for (int i = 0; i < kBytes; ++i) bytes[i] = static_cast<unsigned char>(i * 2654435761u >> 24);
  std::vector<unsigned> bins(256);
  measure("memcpy", [&] { std::memcpy(c.data(), a.data(), sizeof(float) * kElements); });
  measure("add", [&] { openmp::vadd(a.data(), b.data(), c.data(), kElements); });
  measure("saxpy", [&] { openmp::saxpy(1.5f, a.data(), c.data(), kElements); });
  volatile float sum = 0;
  measure("sum", [&] { sum = openmp::sum(a.data(), kElements); });
  measure("matmul f32", [&] { openmp::matmul(a.data(), b.data(), c.data(), kMatrix); });
  measure("histogram", [&] { openmp::histogram(bytes.data(), bins.data(), kBytes); });
}

}  // namespace
}  // namespace amdgpu::bench

int main() { amdgpu::bench::measureAll(); }
