// Marking of loads, and their prefetches.

#include "gpu/host/compiler/passes/stream_prefetch.h"

#include "gpu/host/compiler/passes/large_launch.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Value;

constexpr char kStreamedGroup[] = "hd.streamed";

// Launches of fewer threads may find their input in the cache: at 4 bytes each it is 16 MiB.
constexpr std::uint64_t kPrefetchThreads = std::uint64_t{1} << 22;

// Two pages: far enough for a walk of the page tables and a read of memory.
constexpr std::uint64_t kAheadBytes = 8192;

// llvm.prefetch(address, for a read, into the second level and up, data)
constexpr int kRead = 0, kSecondLevel = 2, kData = 1;

}  // namespace

void markStreamedLoads(KernelCore& core) {
  llvm::DominatorTree dominators(*core.function);
  llvm::LoopInfo loops(dominators);
  llvm::DenseMap<const llvm::Argument*, llvm::SmallVector<llvm::LoadInst*, 1>> loads_of;
  for (llvm::Instruction& instruction : llvm::instructions(*core.function)) {
    auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
    if (!load || core.isBlockLevel(load->getParent())) continue;
    const auto* parameter =
        llvm::dyn_cast<llvm::Argument>(llvm::getUnderlyingObject(load->getPointerOperand()));
    if (parameter && !parameter->hasByValAttr()) loads_of[parameter].push_back(load);
  }
  for (const auto& [parameter, loads] : loads_of) {
    llvm::LoadInst* load = loads.front();
    const llvm::Loop* loop = loops.getLoopFor(load->getParent());
    if (loads.size() > 1 || !load->isSimple() || !loop || loop->getHeader() != core.block_head) {
      continue;
    }
    markAccess(*load, kStreamedGroup);
  }
}

llvm::PreservedAnalyses StreamPrefetchPass::run(llvm::Function& function,
                                                llvm::FunctionAnalysisManager&) {
  const llvm::SmallVector<llvm::Instruction*> loads =
      markedVectors(function, kStreamedGroup, llvm::Instruction::Load, vector_bits_);
  if (loads.empty()) return llvm::PreservedAnalyses::all();
  // No branch: a small launch asks for the line that it reads anyway.
  Value* large = isLargeLaunch(function, kPrefetchThreads);
  llvm::IRBuilder<> entry(llvm::cast<llvm::Instruction>(large)->getNextNode());
  Value* ahead = entry.CreateSelect(large, entry.getInt64(kAheadBytes), entry.getInt64(0), "ahead");
  for (llvm::Instruction* load : loads) {
    llvm::IRBuilder<> builder(load);
    Value* address = builder.CreatePtrAdd(llvm::getLoadStorePointerOperand(load), ahead);
    builder.CreateIntrinsic(llvm::Intrinsic::prefetch, {address->getType()},
                            {address, builder.getInt32(kRead), builder.getInt32(kSecondLevel),
                             builder.getInt32(kData)});
  }
  return llvm::PreservedAnalyses::none();
}

}  // namespace amdgpu::hostcc
