// Compiling and running of the benchmark's kernels.

#include "bench/host_kernels_device.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace amdgpu::bench {
namespace {

// Chunks per thread: few enough to cost nothing, many enough to level uneven blocks.
constexpr std::uint32_t kChunksPerThread = 32;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "host device: %s failed\n", what);
  std::exit(1);
}

}  // namespace

BlockRunner::BlockRunner(unsigned threads) : threads_(threads) {
  for (unsigned i = 1; i < threads_; ++i) workers_.emplace_back([this] { serve(); });
}

BlockRunner::~BlockRunner() {
  stopping_ = true;
  ++generation_;
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void BlockRunner::serve() {
  std::uint64_t seen = 0;
  for (;;) {
    generation_.wait(seen);
    seen = generation_.load(std::memory_order_acquire);
    if (stopping_) return;
    work(range_);
    running_.fetch_sub(1, std::memory_order_release);
  }
}

void BlockRunner::work(host::BlockRange range) {
  alignas(host::kBufferAlignment) static thread_local char exchange[host::kExchangeBytes];
  alignas(host::kBufferAlignment) static thread_local char shared[65536];
  range.exchange = exchange;
  range.dynamic_shared = shared;
  for (;;) {
    range.first = next_.fetch_add(chunk_, std::memory_order_relaxed);
    if (range.first >= blocks_) return;
    range.last = std::min(range.first + chunk_, blocks_);
    function_(arguments_, &range);
  }
}

void BlockRunner::run(host::BlockFunction function, Shape grid, Shape block,
                      const void* arguments) {
  function_ = function;
  arguments_ = arguments;
  range_ = {{grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]}, 0, 0, nullptr, nullptr};
  blocks_ = grid[0] * grid[1] * grid[2];
  chunk_ = std::max<std::uint32_t>(1, blocks_ / (threads_ * kChunksPerThread));
  next_ = 0;
  running_ = threads_ - 1;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work(range_);
  while (running_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

HostKernels::HostKernels(std::string source_path, unsigned threads)
    : source_path_(std::move(source_path)), runner_(threads) {}

HostKernels::~HostKernels() {
  for (auto& [shape, library] : libraries_) dlclose(library);
}

void* HostKernels::compile(Shape shape) const {
  char folder[] = "/tmp/host_kernels_XXXXXX";
  if (!mkdtemp(folder)) fail("mkdtemp");
  const std::string object = std::string(folder) + "/kernels.o";
  const std::string library = std::string(folder) + "/kernels.so";
  const std::string block =
      std::to_string(shape[0]) + "," + std::to_string(shape[1]) + "," + std::to_string(shape[2]);
  const std::string compile =
      std::string(AMDGPU_BENCH_COMPILE) + " " + source_path_ + " " + block + " " + object;
  const std::string link = "ld.lld-19 -shared -o " + library + " " + object;
  if (std::system(compile.c_str()) != 0 || std::system(link.c_str()) != 0) fail("compiling");
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) fail(dlerror());
  std::filesystem::remove_all(folder);
  return handle;
}

host::BlockFunction HostKernels::find(const std::string& kernel, Shape shape) {
  void*& library = libraries_[shape];
  if (!library) library = compile(shape);
  void* symbol = dlsym(library, (host::kBlockFunctionPrefix + kernel).c_str());
  if (!symbol) fail("no such kernel");
  return reinterpret_cast<host::BlockFunction>(symbol);
}

void HostKernels::run(const std::string& kernel, bool specialised, Shape grid, Shape block,
                      const KernelArguments& arguments) {
  runner_.run(find(kernel, specialised ? block : Shape{0, 0, 0}), grid, block, arguments.data());
}

}  // namespace amdgpu::bench
