// What the vendor driver adds to the vendor's own calls: awaited launches, pipelined launches,
// copies from and to pinned memory. One line each: raw, ours, and the ratio.
//
//   amdgpu_bench_vendor hip|cuda [--library=PATH] [--code=FILE]
//
// FILE is a serialized proto::VendorCodeObject with a kernel "empty"; for CUDA PTX of our own is
// used without one. Says so and ends with 0 where there is no device.

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/strip.h"
#include "c_src/base/clock.h"
#include "c_src/base/spin.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/tables.h"
#include "gpu/vendor/vendor_driver.h"
#include "proto/code_object.pb.h"

namespace amdgpu::vendor {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{64} << 20;
constexpr int kAwaited = 2000;
constexpr int kPipelined = 20000;
constexpr int kCopies = 20;
constexpr int kRounds = 5;

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

class LastTicket final : public gpu::CompletionSink {
 public:
  void OnStart(gpu::Ticket, std::uint64_t) override {}
  void OnComplete(const gpu::Completion& completion) override {
    last_.store(completion.ticket, std::memory_order_release);
  }
  void OnPrint(gpu::Ticket, absl::string_view) override {}
  void Await(gpu::Ticket ticket) const {
    while (last_.load(std::memory_order_acquire) < ticket) CpuRelax();
  }

 private:
  std::atomic<gpu::Ticket> last_{0};
};

// The least, over some rounds, of the nanoseconds that `body` takes.
double Best(const std::function<void()>& body) {
  std::uint64_t best = ~std::uint64_t{0};
  body();
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t start = NowNs();
    body();
    best = std::min(best, NowNs() - start);
  }
  return static_cast<double>(best);
}

void Line(const char* what, double raw, double ours, const char* unit) {
  std::printf("%-28s %12.2f %12.2f %-6s %6.2f\n", what, raw, ours, unit, ours / raw);
}

std::string EmptyKernel(const std::string& kind, const std::string& file) {
  if (!file.empty()) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  proto::VendorCodeObject code;
  if (kind == "cuda") {
    code.set_target("compute_75");
    code.set_image(
        ".version 6.4\n.target sm_75\n.address_size 64\n.visible .entry empty() { ret; }\n");
    code.add_kernels()->set_name("empty");
  }
  return code.SerializeAsString();
}

int Run(const std::string& kind, const std::vector<std::string>& libraries,
        const std::string& code_file) {
  const absl::StatusOr<std::shared_ptr<const VendorApi>> table = LoadVendorApi(kind, libraries);
  if (!table.ok()) {
    std::printf("no %s here: %s\n", kind.c_str(), table.status().ToString().c_str());
    return 0;
  }
  const VendorApi& api = **table;
  LastTicket sink;
  void* const pinned = mmap(nullptr, kCopyBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  absl::StatusOr<std::unique_ptr<VendorDriver>> made = VendorDriver::Create(
      {.api = *table, .index = 0, .staging = pinned, .staging_bytes = kCopyBytes}, sink);
  if (!made.ok()) {
    std::printf("no %s device here: %s\n", kind.c_str(), made.status().ToString().c_str());
    return 0;
  }
  VendorDriver& driver = **made;
  const std::string code = EmptyKernel(kind, code_file);
  const absl::StatusOr<gpu::Module> module =
      driver.Load({reinterpret_cast<const std::byte*>(code.data()), code.size()}, 0);
  Check(module.status());
  gpu::LaunchParams launch;
  for (const gpu::Function& function : module->functions) {
    if (function.info.name() == "empty") launch.function = function.handle;
  }
  const absl::StatusOr<gpu::DeviceAddress> memory = driver.Reserve(kCopyBytes, 0);
  Check(memory.status());

  // The same, by hand.
  proto::VendorCodeObject object;
  object.ParseFromString(code);
  Module raw_module = nullptr;
  Function raw_function = nullptr;
  Stream stream = nullptr;
  Check(ToStatus(api,
                 api.ModuleLoadDataEx(&raw_module, object.image().c_str(), 0, nullptr, nullptr),
                 "loading"));
  Check(ToStatus(api, api.ModuleGetFunction(&raw_function, raw_module, "empty"), "finding"));
  Check(ToStatus(api, api.StreamCreate(&stream, kStreamNonBlocking), "making a stream"));
  const auto raw_launch = [&] {
    api.LaunchKernel(raw_function, 1, 1, 1, 1, 1, 1, 0, stream, nullptr, nullptr);
  };
  gpu::Ticket ticket = 0;

  std::printf("%s, %s, %s\n%-28s %12s %12s %-6s %6s\n", driver.properties().name().c_str(),
              driver.properties().arch().c_str(), driver.properties().runtime_version().c_str(), "",
              "raw", "driver", "", "ratio");
  Line("launch, awaited",
       Best([&] {
         for (int i = 0; i < kAwaited; ++i) {
           raw_launch();
           api.StreamSynchronize(stream);
         }
       }) / kAwaited *
           1e-3,
       Best([&] {
         for (int i = 0; i < kAwaited; ++i) {
           Check(driver.Launch(0, ++ticket, launch));
           sink.Await(ticket);
         }
       }) / kAwaited *
           1e-3,
       "us");
  Line("launches, pipelined",
       Best([&] {
         for (int i = 0; i < kPipelined; ++i) raw_launch();
         api.StreamSynchronize(stream);
       }) / kPipelined *
           1e-3,
       Best([&] {
         for (int i = 0; i < kPipelined; ++i) Check(driver.Launch(0, ++ticket, launch));
         sink.Await(ticket);
       }) / kPipelined *
           1e-3,
       "us");
  const double gigabytes = static_cast<double>(kCopyBytes) * kCopies * 1e-9;
  Line("copy in, pinned", gigabytes / Best([&] {
                            for (int i = 0; i < kCopies; ++i)
                              api.MemcpyHtoDAsync(*memory, pinned, kCopyBytes, stream);
                            api.StreamSynchronize(stream);
                          }) * 1e9,
       gigabytes / Best([&] {
         for (int i = 0; i < kCopies; ++i) {
           Check(driver.CopyIn(0, ++ticket, *memory, pinned, kCopyBytes));
         }
         sink.Await(ticket);
       }) * 1e9,
       "GB/s");
  Line("copy out, pinned", gigabytes / Best([&] {
                             for (int i = 0; i < kCopies; ++i)
                               api.MemcpyDtoHAsync(pinned, *memory, kCopyBytes, stream);
                             api.StreamSynchronize(stream);
                           }) * 1e9,
       gigabytes / Best([&] {
         for (int i = 0; i < kCopies; ++i) {
           Check(driver.CopyOut(0, ++ticket, pinned, *memory, kCopyBytes));
         }
         sink.Await(ticket);
       }) * 1e9,
       "GB/s");
  api.StreamDestroy(stream);
  api.ModuleUnload(raw_module);
  return 0;
}

}  // namespace
}  // namespace amdgpu::vendor

int main(int argc, char** argv) {
  std::string kind;
  std::string code;
  std::vector<std::string> libraries;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--library=")) {
      libraries.push_back(std::string(argument));
    } else if (absl::ConsumePrefix(&argument, "--code=")) {
      code = std::string(argument);
    } else {
      kind = std::string(argument);
    }
  }
  if (libraries.empty()) libraries = amdgpu::vendor::LibraryNames(kind);
  if (libraries.empty()) {
    std::fprintf(stderr, "usage: %s hip|cuda [--library=PATH] [--code=FILE]\n", argv[0]);
    return 2;
  }
  return amdgpu::vendor::Run(kind, libraries, code);
}
