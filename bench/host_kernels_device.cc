// Compiling and running of the benchmark's kernels.

#include "bench/host_kernels_device.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace amdgpu::bench {
namespace {

[[noreturn]] void fail(std::string_view what) {
  std::fprintf(stderr, "host device: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

template <class T>
T valueOrFail(absl::StatusOr<T> result) {
  if (!result.ok()) fail(result.status().ToString());
  return *std::move(result);
}

}  // namespace

HostKernels::HostKernels(std::string source_path, unsigned threads)
    : source_path_(std::move(source_path)),
      // No arena: the kernels work on the benchmark's own memory.
      driver_(valueOrFail(host::HostDriver::Create({.threads = threads}, sink_))) {}

gpu::Module HostKernels::compile(Shape shape) {
  char folder[] = "/tmp/host_kernels_XXXXXX";
  if (!mkdtemp(folder)) fail("no temporary folder");
  const std::string path = std::string(folder) + "/kernels";
  const std::string block =
      std::to_string(shape[0]) + "," + std::to_string(shape[1]) + "," + std::to_string(shape[2]);
  const std::string command =
      std::string(AMDGPU_BENCH_COMPILE) + " " + source_path_ + " " + block + " " + path;
  if (std::system(command.c_str()) != 0) fail("the kernels do not compile");
  std::ifstream file(path, std::ios::binary);
  const std::string object{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::filesystem::remove_all(folder);
  return valueOrFail(
      driver_->Load({reinterpret_cast<const std::byte*>(object.data()), object.size()}, 0));
}

const gpu::Function& HostKernels::find(const std::string& kernel, Shape shape) {
  auto module = modules_.find(shape);
  if (module == modules_.end()) module = modules_.emplace(shape, compile(shape)).first;
  for (const gpu::Function& function : module->second.functions) {
    if (function.info.name() == kernel) return function;
  }
  fail("no kernel " + kernel);
}

void HostKernels::run(const std::string& kernel, bool specialised, Shape grid, Shape block,
                      const KernelArguments& arguments) {
  const gpu::Function& function = find(kernel, specialised ? block : Shape{0, 0, 0});
  const gpu::LaunchParams launch = {.function = function.handle,
                                    .grid = {grid[0], grid[1], grid[2]},
                                    .block = {block[0], block[1], block[2]},
                                    .dynamic_shared_bytes = 0,
                                    .args = {arguments.data(), function.info.args_size()}};
  if (absl::Status status = driver_->Launch(0, ++ticket_, launch); !status.ok()) {
    fail(status.ToString());
  }
  if (absl::Status status = driver_->Synchronize(0); !status.ok()) fail(status.ToString());
}

}  // namespace amdgpu::bench
