// The steps from a kernel to its block function, in order.

#include "gpu/host/compiler/passes/block_function.h"

#include "gpu/host/abi.h"
#include "gpu/host/compiler/passes/divergence.h"
#include "gpu/host/compiler/passes/guard_versioning.h"
#include "gpu/host/compiler/passes/implicit_barriers.h"
#include "gpu/host/compiler/passes/intrinsics.h"
#include "gpu/host/compiler/passes/kernel_core.h"
#include "gpu/host/compiler/passes/lane_mode.h"
#include "gpu/host/compiler/passes/region_split.h"
#include "gpu/host/compiler/passes/shared_memory.h"
#include "gpu/host/compiler/passes/stream_prefetch.h"
#include "gpu/host/compiler/passes/streaming_stores.h"
#include "gpu/host/compiler/passes/strided_loops.h"
#include "gpu/host/compiler/passes/thread_loops.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/Local.h"

namespace amdgpu::hostcc {
namespace {

using llvm::Value;

// Lanes that run together in lane mode where no warp barrier fixes the number.
constexpr unsigned kFreeLanes = 64;
// Bits of the values that lanes typically work on; decides how many fill a vector.
constexpr unsigned kTypicalBits = 32;

enum class Specialisation {
  kGuarded,  // may assume, block by block, that bounds checks pass
  kGeneral,  // for the blocks of which that is not true
};

class BlockFunctionBuilder {
 public:
  BlockFunctionBuilder(llvm::Function& kernel, const HostPassOptions& options)
      : kernel_(kernel), options_(options) {
    facts_.symbol = kernel.getName();
  }

  void build() {
    llvm::Function* core = buildCore(Specialisation::kGuarded);
    buildEntry(core);
    if (options_.facts) options_.facts->push_back(facts_);
  }

  llvm::SmallVector<llvm::Function*> cores() const { return cores_; }

 private:
  llvm::Function* buildCore(Specialisation specialisation) {
    const bool general = specialisation == Specialisation::kGeneral;
    KernelCore core = buildKernelCore(kernel_, kernel_.getName() + (general ? ".general" : ".core"),
                                      options_.block_shape, options_.vector_bits);
    cores_.push_back(core.function);
    // Code that few blocks run, or that runs only until code for the block's shape is there, is not
    // worth the time that unrolling, interleaving and epilogues cost the compiler.
    if (general || !isSpecialised()) {
      core.function->addFnAttr(llvm::Attribute::OptimizeForSize);
    }
    addLockstepBarriers(*core.function);
    lowerBlockCoordinates(core);
    KernelFacts facts = facts_;
    lowerSharedVariables(core, facts);
    noteBarriers(core, facts);
    if (!general) {
      facts_ = facts;
      // A second core is as much work again: generic code is wanted soon, and does without.
      if (isSpecialised()) {
        versionGuards(core, [&] { return buildCore(Specialisation::kGeneral); });
      }
    }
    splitIntoThreads(core, specialisation);
    lowerSharedAtomics(core);
    llvm::removeUnreachableBlocks(*core.function);
    return core.function;
  }

  bool isSpecialised() const { return options_.block_shape[0] != 0; }

  static void noteBarriers(const KernelCore& core, KernelFacts& facts) {
    for (llvm::Instruction& instruction : llvm::instructions(*core.function)) {
      const Intrinsic intrinsic = calledIntrinsic(&instruction);
      facts.uses_warp_operations |= intrinsic == Intrinsic::kWarpBarrier;
      facts.uses_block_barriers |= intrinsic == Intrinsic::kBlockBarrier;
    }
  }

  void splitIntoThreads(KernelCore& core, Specialisation specialisation) {
    const bool guarded = specialisation == Specialisation::kGuarded;
    llvm::SmallVector<StridedLoop> strided;
    if (guarded) {
      strided = splitStridedLoops(core, Divergence(*core.function, core.private_variables));
    }
    Divergence divergence(*core.function, core.private_variables);
    const bool for_lanes = addImplicitBarriers(core, divergence, strided, guarded);
    bool conditional = false;
    bool warp = false;
    for (llvm::Instruction& instruction : llvm::instructions(*core.function)) {
      if (!isBarrier(&instruction)) continue;
      conditional |= divergence.isConditional(instruction.getParent());
      warp |= calledIntrinsic(&instruction) == Intrinsic::kWarpBarrier;
    }
    if (!for_lanes && !warp && !conditional) {
      RegionSplit split = splitAtBarriers(core, divergence, LivePolicy::kKeepUniformOnce);
      if (guarded) markStreamedLoads(core);
      if (guarded && split.barriers.empty()) markStreamingStores(core);
      emitThreadLoops(core, split, divergence);
      return;
    }
    // Implicit barriers of lane mode are warp barriers of any width; the program's own fix it.
    const unsigned lanes = facts_.uses_warp_operations ? host::kWarpSize : kFreeLanes;
    RegionSplit split = splitAtBarriers(core, divergence, LivePolicy::kKeepAllPerThread);
    emitLaneMode(core, split, lanes, options_.vector_bits / kTypicalBits);
  }

  // __hdk_<kernel>(const void* args, const BlockRange* range): unpacks the arguments and calls the
  // core, which keeps the attributes (noalias, ...) of the kernel's parameters.
  void buildEntry(llvm::Function* core) {
    llvm::Module& module = *kernel_.getParent();
    llvm::LLVMContext& context = module.getContext();
    const llvm::DataLayout& layout = module.getDataLayout();
    llvm::Type* pointer = llvm::PointerType::get(context, 0);
    auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, pointer}, false);
    auto* entry = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                         host::kBlockFunctionPrefix + kernel_.getName(), module);
    entry->setAttributes(
        llvm::AttributeList::get(context, llvm::AttributeList::FunctionIndex,
                                 llvm::AttrBuilder(context, core->getAttributes().getFnAttrs())));
    entry->setDSOLocal(true);
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "entry", entry));
    std::uint64_t offset = 0;
    llvm::SmallVector<Value*> arguments;
    for (llvm::Argument& parameter : kernel_.args()) {
      const bool by_value = parameter.hasByValAttr();
      llvm::Type* stored = by_value ? parameter.getParamByValType() : parameter.getType();
      const llvm::Align align =
          by_value ? parameter.getParamAlign().valueOrOne() : layout.getABITypeAlign(stored);
      offset = llvm::alignTo(offset, align);
      Value* address =
          builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), entry->getArg(0), offset);
      arguments.push_back(by_value ? address : builder.CreateAlignedLoad(stored, address, align));
      offset += layout.getTypeAllocSize(stored);
    }
    arguments.push_back(entry->getArg(1));
    passParametersByValue(kernel_, builder.CreateCall(core, arguments));
    builder.CreateRetVoid();
  }

  llvm::Function& kernel_;
  const HostPassOptions& options_;
  KernelFacts facts_;
  llvm::SmallVector<llvm::Function*> cores_;
};

}  // namespace

llvm::SmallVector<llvm::Function*> buildBlockFunction(llvm::Function& kernel,
                                                      const HostPassOptions& options) {
  BlockFunctionBuilder builder(kernel, options);
  builder.build();
  return builder.cores();
}

}  // namespace amdgpu::hostcc
