// The host device beside PoCL and OpenMP: ten kernels, the same job and data for all, interleaved
// in one run. Prints the median time of each and the ratios that the README quotes; checks every
// result.
//
//   host_kernels_bench [--json] [--best] [--repeats N] [--threads N] [kernel...]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include "bench/host_kernels_device.h"
#include "bench/host_kernels_opencl.h"
#include "bench/reference/openmp.h"

namespace amdgpu::bench {
namespace {

constexpr int kElements = 1 << 24;  // 64 MiB of float: far more than a core's caches hold
constexpr int kWidth = 8192, kHeight = kElements / kWidth;
constexpr int kMatrix = 1024;
constexpr int kBytes = 1 << 26;
constexpr int kImage = 2048, kLimit = 256;
constexpr float kLeft = -2.2f, kTop = -1.5f, kStep = 3.0f / kImage;
constexpr int kOptions = 1 << 22;
constexpr std::uint32_t kStrideBlocks = 512;

// Memory as a device allocator gives it, for all contenders alike.
template <class T>
struct PageAllocator {
  using value_type = T;
  static constexpr std::align_val_t kPage{4096};
  PageAllocator() = default;
  template <class U>
  PageAllocator(const PageAllocator<U>&) {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kPage));
  }
  void deallocate(T* pointer, std::size_t) { ::operator delete(pointer, kPage); }
  bool operator==(const PageAllocator&) const { return true; }
};
template <class T>
using Buffer = std::vector<T, PageAllocator<T>>;

// A kernel argument, in the form that every implementation can take.
struct Argument {
  template <class T>
  Argument(Buffer<T>& buffer) : pointer(buffer.data()), bytes(buffer.size() * sizeof(T)) {}
  Argument(int number) : bytes(4) { std::memcpy(value.data(), &number, 4); }
  Argument(float number) : bytes(4) { std::memcpy(value.data(), &number, 4); }
  void* pointer = nullptr;
  std::size_t bytes;
  std::array<unsigned char, 8> value = {};
};

struct Case {
  std::string name;
  Shape grid;
  Shape block;
  std::vector<Argument> arguments;
  bool is_plain;                // neither barrier nor atomic: must keep up with OpenMP
  std::function<void()> reset;  // before each run
  std::function<void()> openmp;
  std::function<std::vector<double>()> result;  // of the last run, small enough to keep
};

struct Timing {
  std::vector<double> milliseconds;
  // On a machine that is busy with other things only the best time says something.
  double statistic(bool best) const {
    if (milliseconds.empty()) return NAN;
    return best ? *std::min_element(milliseconds.begin(), milliseconds.end()) : median();
  }
  double median() const {
    std::vector<double> sorted = milliseconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? NAN : sorted[sorted.size() / 2];
  }
};

struct Row {
  std::string name;
  bool is_plain;
  double pocl, openmp, generic, specialised, difference;
};

KernelArguments pack(const std::vector<Argument>& arguments) {
  KernelArguments packed;
  for (const Argument& argument : arguments) {
    if (argument.pointer) {
      packed.add(&argument.pointer, sizeof(void*));
    } else {
      packed.add(argument.value.data(), argument.bytes);
    }
  }
  return packed;
}

std::vector<OpenClArgument> forOpenCl(const std::vector<Argument>& arguments) {
  std::vector<OpenClArgument> converted;
  for (const Argument& argument : arguments) {
    converted.push_back({argument.pointer, argument.bytes, argument.value});
  }
  return converted;
}

// The data that all cases share.
struct Data {
  Buffer<float> a, b, c;
  Buffer<unsigned char> bytes;
  Buffer<unsigned> bins, image;
  Buffer<float> sums;

  Data()
      : a(kElements),
        b(kElements),
        c(kElements),
        bytes(kBytes),
        bins(256),
        image(kImage * kImage),
        sums(kElements / 256) {
    std::uint32_t state = 1;
    auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
    for (int i = 0; i < kElements; ++i) {
      a[i] = 1.0f + static_cast<float>(next() & 0xffff) / 65536;
      b[i] = 1.0f + static_cast<float>(next() & 0xffff) / 65536;
    }
    for (unsigned char& byte : bytes) byte = next();
  }
};

// Every 101st value: enough to catch a wrong kernel, few enough to compare after each run.
template <class T>
std::vector<double> sample(const Buffer<T>& values, std::size_t count) {
  std::vector<double> kept;
  for (std::size_t i = 0; i < count; i += 101) kept.push_back(values[i]);
  return kept;
}

std::vector<Case> makeCases(Data& data) {
  auto nothing = [] {};
  auto clear = [&data] { std::fill(data.c.begin(), data.c.end(), 0.0f); };
  auto whole_c = [&data] { return sample(data.c, data.c.size()); };
  auto matrix_c = [&data] { return sample(data.c, kMatrix * kMatrix); };
  // The kernels leave partial sums, OpenMP the whole one.
  auto clear_sums = [&data] { std::fill(data.sums.begin(), data.sums.end(), 0.0f); };
  auto total = [&data] {
    double sum = 0;
    for (float part : data.sums) sum += part;
    return std::vector<double>{sum};
  };
  auto openmp_sum = [&data] { data.sums[0] = openmp::sum(data.a.data(), kElements); };
  auto openmp_matmul = [&data] {
    openmp::matmul(data.a.data(), data.b.data(), data.c.data(), kMatrix);
  };
  const std::uint32_t blocks = kElements / 256;
  std::vector<Case> cases;
  cases.push_back(
      {"vadd",
       {blocks, 1, 1},
       {256, 1, 1},
       {data.a, data.b, data.c, kElements},
       true,
       clear,
       [&data] { openmp::vadd(data.a.data(), data.b.data(), data.c.data(), kElements); },
       whole_c});
  cases.push_back({"saxpy",
                   {blocks, 1, 1},
                   {256, 1, 1},
                   {1.5f, data.a, data.c, kElements},
                   true,
                   clear,
                   [&data] { openmp::saxpy(1.5f, data.a.data(), data.c.data(), kElements); },
                   whole_c});
  cases.push_back({"stencil",
                   {kWidth / 32, kHeight / 8, 1},
                   {32, 8, 1},
                   {data.a, data.c, kWidth, kHeight},
                   true,
                   clear,
                   [&data] { openmp::stencil(data.a.data(), data.c.data(), kWidth, kHeight); },
                   whole_c});
  cases.push_back({"reduce_block",
                   {blocks, 1, 1},
                   {256, 1, 1},
                   {data.a, data.sums, kElements},
                   false,
                   clear_sums,
                   openmp_sum,
                   total});
  cases.push_back({"reduce_stride",
                   {kStrideBlocks, 1, 1},
                   {256, 1, 1},
                   {data.a, data.sums, kElements},
                   false,
                   clear_sums,
                   openmp_sum,
                   total});
  cases.push_back({"matmul16",
                   {kMatrix / 16, kMatrix / 16, 1},
                   {16, 16, 1},
                   {data.a, data.b, data.c, kMatrix},
                   false,
                   nothing,
                   openmp_matmul,
                   matrix_c});
  cases.push_back({"matmul32",
                   {kMatrix / 32, kMatrix / 32, 1},
                   {32, 32, 1},
                   {data.a, data.b, data.c, kMatrix},
                   false,
                   nothing,
                   openmp_matmul,
                   matrix_c});
  cases.push_back({"histogram",
                   {kStrideBlocks, 1, 1},
                   {256, 1, 1},
                   {data.bytes, data.bins, kBytes},
                   false,
                   [&data] { std::fill(data.bins.begin(), data.bins.end(), 0u); },
                   [&data] { openmp::histogram(data.bytes.data(), data.bins.data(), kBytes); },
                   [&data] { return std::vector<double>(data.bins.begin(), data.bins.end()); }});
  cases.push_back({"mandelbrot",
                   {kImage / 16, kImage / 16, 1},
                   {16, 16, 1},
                   {data.image, kImage, kImage, kLeft, kTop, kStep, kLimit},
                   true,
                   nothing,
                   [&data] {
                     openmp::mandelbrot(data.image.data(), kImage, kImage, kLeft, kTop, kStep,
                                        kLimit);
                   },
                   [&data] { return sample(data.image, data.image.size()); }});
  cases.push_back({"black_scholes",
                   {kOptions / 256, 1, 1},
                   {256, 1, 1},
                   {data.a, data.b, data.b, data.c, data.image, kOptions},
                   true,
                   clear,
                   [&data] {
                     openmp::black_scholes(data.a.data(), data.b.data(), data.b.data(),
                                           data.c.data(),
                                           reinterpret_cast<float*>(data.image.data()), kOptions);
                   },
                   [&data] { return sample(data.c, kOptions); }});
  return cases;
}

// On average: single points of the Mandelbrot set may differ a lot, because of fused multiply-adds.
double relativeDifference(const std::vector<double>& left, const std::vector<double>& right) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    difference += std::fabs(left[i] - right[i]);
    size += std::fabs(right[i]);
  }
  return difference / std::max(size, 1e-30);
}

Row measure(const Case& test, HostKernels& host, OpenClKernels& pocl, int repeats, bool best) {
  const KernelArguments packed = pack(test.arguments);
  const std::vector<OpenClArgument> for_opencl = forOpenCl(test.arguments);
  struct Contender {
    std::function<void()> run;
    Timing timing;
    std::vector<double> result;
  };
  std::vector<Contender> contenders(4);
  contenders[0].run = test.openmp;
  contenders[1].run = [&] { host.run(test.name, false, test.grid, test.block, packed); };
  contenders[2].run = [&] { host.run(test.name, true, test.grid, test.block, packed); };
  if (pocl.valid()) {
    contenders[3].run = [&] { pocl.run(test.name, test.grid, test.block, for_opencl); };
  }
  for (int repeat = -1; repeat < repeats; ++repeat) {  // the first compiles and warms up
    for (Contender& contender : contenders) {
      if (!contender.run) continue;
      test.reset();
      const auto start = std::chrono::steady_clock::now();
      contender.run();
      const std::chrono::duration<double, std::milli> time =
          std::chrono::steady_clock::now() - start;
      if (repeat >= 0) contender.timing.milliseconds.push_back(time.count());
      if (repeat == -1) contender.result = test.result();
    }
  }
  Row row = {test.name,
             test.is_plain,
             contenders[3].timing.statistic(best),
             contenders[0].timing.statistic(best),
             contenders[1].timing.statistic(best),
             contenders[2].timing.statistic(best),
             0};
  for (const Contender& contender : contenders) {
    if (contender.result.empty()) continue;
    row.difference =
        std::max(row.difference, relativeDifference(contender.result, contenders[0].result));
  }
  return row;
}

void printTable(const std::vector<Row>& rows) {
  std::printf("%-14s %9s %9s %9s %9s | %8s %8s | %s\n", "ms", "PoCL", "OpenMP", "generic",
              "special", "x PoCL", "x OpenMP", "difference");
  double logarithms = 0;
  for (const Row& row : rows) {
    std::printf("%-14s %9.2f %9.2f %9.2f %9.2f | %8.2f %8.2f | %.1e%s\n", row.name.c_str(),
                row.pocl, row.openmp, row.generic, row.specialised, row.pocl / row.specialised,
                row.openmp / row.specialised, row.difference, row.is_plain ? "  plain" : "");
    logarithms += std::log(row.pocl / row.specialised);
  }
  std::printf("geometric mean of x PoCL: %.2f\n", std::exp(logarithms / rows.size()));
}

void printJson(const std::vector<Row>& rows) {
  std::printf("[");
  const char* separator = "";
  for (const Row& row : rows) {
    std::printf(
        "%s\n  {\"kernel\": \"%s\", \"plain\": %s, \"pocl_ms\": %.4f, \"openmp_ms\": %.4f, "
        "\"generic_ms\": %.4f, \"specialised_ms\": %.4f, \"difference\": %.3e}",
        separator, row.name.c_str(), row.is_plain ? "true" : "false", row.pocl, row.openmp,
        row.generic, row.specialised, row.difference);
    separator = ",";
  }
  std::printf("\n]\n");
}

std::string readFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int benchmark(int argc, char** argv) {
  bool json = false;
  bool best = false;
  int repeats = 7;
  unsigned threads = std::thread::hardware_concurrency();
  std::vector<std::string> only;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--json") {
      json = true;
    } else if (option == "--best") {
      best = true;
    } else if (option == "--repeats" && i + 1 < argc) {
      repeats = std::max(1, std::atoi(argv[++i]));
    } else if (option == "--threads" && i + 1 < argc) {
      threads = std::max(1, std::atoi(argv[++i]));
    } else if (option.rfind("-", 0) == 0) {
      std::fprintf(stderr, "usage: %s [--json] [--best] [--repeats N] [--threads N] [kernel...]\n",
                   argv[0]);
      return 2;
    } else {
      only.push_back(option);
    }
  }
  openmp::setThreads(threads);
  HostKernels host(AMDGPU_BENCH_REFERENCE_DIR "/kernels.hip", threads);
  OpenClKernels pocl(readFile(AMDGPU_BENCH_REFERENCE_DIR "/kernels.cl"));
  if (!pocl.valid()) std::fprintf(stderr, "PoCL is not installed: no column for it\n");
  Data data;
  std::vector<Row> rows;
  bool right = true;
  for (const Case& test : makeCases(data)) {
    if (!only.empty() && std::find(only.begin(), only.end(), test.name) == only.end()) continue;
    rows.push_back(measure(test, host, pocl, repeats, best));
    right &= rows.back().difference < 1e-3;
  }
  json ? printJson(rows) : printTable(rows);
  if (!right) std::fprintf(stderr, "results differ by more than 0.1%%\n");
  return right ? 0 : 1;
}

}  // namespace
}  // namespace amdgpu::bench

int main(int argc, char** argv) { return amdgpu::bench::benchmark(argc, argv); }
