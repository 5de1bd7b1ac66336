// Where the passes stand in LLVM's pipeline:
//
//   start:            PreparePass
//   ...               LLVM simplifies and inlines the kernels as code of one thread
//   before vectoriser: SplitKernelsPass: block functions, then a cleanup of their thread loops
//   ...               LLVM vectorises the thread loops
//   end:              ContiguousGatherPass, StreamingStoresPass

#include "gpu/host/compiler/passes/block_function.h"
#include "gpu/host/compiler/passes/contiguous_gather.h"
#include "gpu/host/compiler/passes/intrinsics.h"
#include "gpu/host/compiler/passes/passes.h"
#include "gpu/host/compiler/passes/prepare.h"
#include "gpu/host/compiler/passes/stream_prefetch.h"
#include "gpu/host/compiler/passes/streaming_stores.h"
#include "gpu/host/compiler/passes/vector_math.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/GVN.h"
#include "llvm/Transforms/Scalar/IndVarSimplify.h"
#include "llvm/Transforms/Scalar/JumpThreading.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimpleLoopUnswitch.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/LCSSA.h"
#include "llvm/Transforms/Utils/LoopSimplify.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

namespace amdgpu::hostcc {
namespace {

// What a core needs between its construction and the vectoriser: variables back to SSA, conditions
// that are the same for all threads out of the thread loops.
llvm::FunctionPassManager cleanupPipeline() {
  llvm::LoopPassManager hoist;
  hoist.addPass(llvm::LICMPass(llvm::LICMOptions()));
  hoist.addPass(llvm::SimpleLoopUnswitchPass(/*NonTrivial=*/true));
  llvm::LoopPassManager induction;
  induction.addPass(llvm::LICMPass(llvm::LICMOptions()));
  induction.addPass(llvm::IndVarSimplifyPass());

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::LoopSimplifyPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(std::move(hoist), /*UseMemorySSA=*/true));
  passes.addPass(llvm::JumpThreadingPass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::GVNPass());
  passes.addPass(
      llvm::createFunctionToLoopPassAdaptor(std::move(induction), /*UseMemorySSA=*/true));
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::InstCombinePass());
  return passes;
}

class SplitKernelsPass : public llvm::PassInfoMixin<SplitKernelsPass> {
 public:
  explicit SplitKernelsPass(HostPassOptions options) : options_(std::move(options)) {}
  static bool isRequired() { return true; }

  llvm::PreservedAnalyses run(llvm::Module& module, llvm::ModuleAnalysisManager& analyses) {
    auto& functions =
        analyses.getResult<llvm::FunctionAnalysisManagerModuleProxy>(module).getManager();
    llvm::SmallVector<llvm::Function*> kernels;
    for (llvm::Function& function : module) {
      if (isKernel(function)) kernels.push_back(&function);
    }
    // clang keeps kernels and device functions alive; only block functions are of use from here on.
    llvm::removeFromUsedLists(module, [](llvm::Constant* value) {
      return llvm::isa<llvm::Function>(value->stripPointerCasts());
    });
    llvm::FunctionPassManager cleanup = cleanupPipeline();
    for (llvm::Function* kernel : kernels) {
      if (rejectUnsupported(*kernel)) continue;
      for (llvm::Function* core : buildBlockFunction(*kernel, options_)) {
        functions.invalidate(*core, llvm::PreservedAnalyses::none());
        cleanup.run(*core, functions);
        if (options_.vector_math && options_.vector_bits >= 512) declareVectorMath(*core);
      }
      kernel->deleteBody();
      kernel->setComdat(nullptr);
    }
    eraseUnused(module, functions);
    return llvm::PreservedAnalyses::none();
  }

 private:
  // Code that cannot be copied into thread loops. Reports it and leaves a kernel that does nothing.
  static bool rejectUnsupported(llvm::Function& kernel) {
    for (llvm::Instruction& instruction : llvm::instructions(kernel)) {
      const auto* variable = llvm::dyn_cast<llvm::AllocaInst>(&instruction);
      const bool computed_goto = llvm::isa<llvm::IndirectBrInst, llvm::CallBrInst>(instruction);
      const bool exceptions = llvm::isa<llvm::InvokeInst>(instruction);
      const bool variable_length = variable && !variable->isStaticAlloca();
      if (!computed_goto && !exceptions && !variable_length) continue;
      report(instruction, computed_goto ? "a computed goto"
                          : exceptions  ? "an exception"
                                        : "a private array of variable length or in a loop");
      kernel.deleteBody();
      return true;
    }
    return false;
  }

  // Kernels' bodies, inlined device functions and shared variables. An intrinsic that is still
  // called is in a function that could not be inlined.
  static void eraseUnused(llvm::Module& module, llvm::FunctionAnalysisManager& functions) {
    bool changed = true;
    while (changed) {
      changed = false;
      for (llvm::Function& function : llvm::make_early_inc_range(module)) {
        const bool is_ours = function.hasLocalLinkage() || function.isDeclaration();
        function.removeDeadConstantUsers();
        if (!is_ours || !function.use_empty()) continue;
        functions.clear(function, function.getName());
        function.eraseFromParent();
        changed = true;
      }
    }
    for (llvm::Function& function : module) {
      for (llvm::Instruction& call : llvm::make_early_inc_range(llvm::instructions(function))) {
        if (calledIntrinsic(&call) != Intrinsic::kNone) rejectCall(call);
      }
    }
    for (llvm::GlobalVariable& variable : llvm::make_early_inc_range(module.globals())) {
      variable.removeDeadConstantUsers();
      if (!isSharedVariable(variable)) continue;
      for (llvm::User* user : variable.users()) {
        if (auto* instruction = llvm::dyn_cast<llvm::Instruction>(user)) {
          reportNotInlined(*instruction, "uses __shared__ memory");
          break;
        }
      }
      variable.replaceAllUsesWith(llvm::PoisonValue::get(variable.getType()));
      variable.eraseFromParent();
    }
  }

  static void rejectCall(llvm::Instruction& call) {
    reportNotInlined(call,
                     isBarrier(&call) ? "waits at a barrier" : "uses its thread's coordinates");
    if (!call.getType()->isVoidTy()) {
      call.replaceAllUsesWith(llvm::Constant::getNullValue(call.getType()));
    }
    call.eraseFromParent();
  }

  static void reportNotInlined(llvm::Instruction& instruction, llvm::StringRef what) {
    report(
        instruction,
        ("a device function that " + what + " and is recursive or called through a pointer").str());
  }

  static void report(llvm::Instruction& instruction, llvm::StringRef what) {
    llvm::Function& function = *instruction.getFunction();
    function.getContext().diagnose(llvm::DiagnosticInfoUnsupported(
        function, "the host device does not support " + what, instruction.getDebugLoc()));
  }

  HostPassOptions options_;
};

// Loop strength reduction takes up to two thirds of the time of code generation for generic
// kernels, and gains nothing on loops whose addresses are vectors away from each other. It can only
// be switched off for the process.
void skipLoopStrengthReduction() {
  auto& options = llvm::cl::getRegisteredOptions();
  const auto found = options.find("disable-lsr");
  if (found == options.end()) return;
  static_cast<llvm::cl::opt<bool>*>(found->second)->setValue(true);
}

}  // namespace

void registerHostDevicePasses(llvm::PassBuilder& builder, const HostPassOptions& options) {
  skipLoopStrengthReduction();
  builder.registerPipelineStartEPCallback(
      [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
        passes.addPass(PreparePass());
      });
  builder.registerOptimizerEarlyEPCallback(
      [options](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
        passes.addPass(SplitKernelsPass(options));
      });
  builder.registerOptimizerLastEPCallback(
      [options](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
        llvm::FunctionPassManager last;
        last.addPass(ContiguousGatherPass());
        last.addPass(StreamPrefetchPass(options.vector_bits));
        last.addPass(StreamingStoresPass(options.vector_bits));
        passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(last)));
      });
}

}  // namespace amdgpu::hostcc
