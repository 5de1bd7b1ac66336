// The compiled module in ORC.

#include "tests/gpu/host/passes/kernel_jit.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/DynamicLibrary.h"
#include "tests/gpu/host/passes/device_compiler.h"

namespace amdgpu::hostcc {

struct KernelJit::State {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

KernelJit::KernelJit(const std::string& source, HostPassOptions options)
    : state_(std::make_unique<State>()) {
  llvm::sys::DynamicLibrary::LoadLibraryPermanently("libmvec.so.1");
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module = compileDeviceSource(source, *context, errors_);
  if (!module) return;
  std::unique_ptr<llvm::TargetMachine> target = nativeTarget();
  options.facts = &facts_;
  const auto start = std::chrono::steady_clock::now();
  optimiseDeviceModule(*module, *target, options, errors_);
  optimise_milliseconds_ =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  llvm::raw_string_ostream stream(ir_);
  module->print(stream, nullptr);
  if (std::string broken; true) {
    llvm::raw_string_ostream text(broken);
    if (llvm::verifyModule(*module, &text)) errors_ += "broken module: " + broken;
  }
  if (!errors_.empty()) return;
  auto machine = llvm::cantFail(llvm::orc::JITTargetMachineBuilder::detectHost());
  machine.setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  state_->jit = llvm::cantFail(
      llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(std::move(machine)).create());
  state_->jit->getMainJITDylib().addGenerator(
      llvm::cantFail(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
          state_->jit->getDataLayout().getGlobalPrefix())));
  llvm::cantFail(
      state_->jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(context))));
}

KernelJit::~KernelJit() = default;

const KernelFacts& KernelJit::facts(const std::string& kernel) const {
  static const KernelFacts kNone;
  auto found = std::find_if(facts_.begin(), facts_.end(),
                            [&](const KernelFacts& facts) { return facts.symbol == kernel; });
  return found == facts_.end() ? kNone : *found;
}

void* KernelJit::symbol(const std::string& name) {
  return llvm::cantFail(state_->jit->lookup(name)).toPtr<void*>();
}

host::BlockFunction KernelJit::blockFunction(const std::string& kernel) {
  return reinterpret_cast<host::BlockFunction>(symbol(host::kBlockFunctionPrefix + kernel));
}

void KernelJit::run(const std::string& kernel, Dim grid, Dim block, const Arguments& arguments,
                    std::size_t dynamic_shared_bytes, std::uint32_t blocks_per_call) {
  const host::BlockFunction function = blockFunction(kernel);
  auto aligned = [](std::size_t bytes) {
    const std::size_t size = (bytes / host::kBufferAlignment + 1) * host::kBufferAlignment;
    return std::unique_ptr<void, decltype(&std::free)>(
        std::aligned_alloc(host::kBufferAlignment, size), &std::free);
  };
  auto shared = aligned(dynamic_shared_bytes);
  auto exchange = aligned(host::kExchangeBytes);
  host::BlockRange range = {
      {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, 0, 0, shared.get(), exchange.get()};
  const std::uint32_t blocks = grid.x * grid.y * grid.z;
  for (std::uint32_t first = 0; first < blocks; first += blocks_per_call) {
    range.first = first;
    range.last = std::min(first + blocks_per_call, blocks);
    function(arguments.data(), &range);
  }
}

}  // namespace amdgpu::hostcc
