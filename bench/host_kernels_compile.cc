// host_kernels_compile SOURCE X,Y,Z OBJECT: compiles HIP source for blocks of X,Y,Z threads (0,0,0:
// any) into an object file. A program of its own because PoCL brings another version of clang into
// the benchmark's process.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Support/raw_ostream.h"
#include "tests/gpu/host/passes/device_compiler.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s SOURCE X,Y,Z OBJECT\n", argv[0]);
    return 2;
  }
  namespace hostcc = amdgpu::hostcc;
  hostcc::HostPassOptions options;
  auto& shape = options.block_shape;
  if (std::sscanf(argv[2], "%u,%u,%u", &shape[0], &shape[1], &shape[2]) != 3) return 2;
  std::ifstream file(argv[1]);
  const std::string source{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string errors;
  llvm::LLVMContext context;
  auto target = hostcc::nativeTarget();
  std::unique_ptr<llvm::Module> module = hostcc::compileDeviceSource(source, context, errors);
  if (module) hostcc::optimiseDeviceModule(*module, *target, options, errors);
  if (!module || !errors.empty()) {
    std::fprintf(stderr, "%s\n", errors.c_str());
    return 1;
  }
  std::error_code failure;
  llvm::raw_fd_ostream object(argv[3], failure);
  llvm::legacy::PassManager passes;
  if (failure ||
      target->addPassesToEmitFile(passes, object, nullptr, llvm::CodeGenFileType::ObjectFile)) {
    return 1;
  }
  passes.run(*module);
  return 0;
}
