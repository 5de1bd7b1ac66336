#include "gpu/host/compiler/backend.h"

#include <array>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gpu/host/compiler/ast_rules.h"
#include "gpu/host/compiler/diagnostics.h"
#include "gpu/host/compiler/options.h"
#include "gpu/host/compiler/passes/passes.h"
#include "gpu/host/compiler/runtime_symbol_check.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

namespace amdgpu::hostcc {
namespace {

// Puts errors that LLVM reports into the reply.
class ReportToReply : public llvm::DiagnosticHandler {
 public:
  ReportToReply(proto::CompileReply* reply, bool* failed) : reply_(reply), failed_(failed) {}

  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getSeverity() != llvm::DS_Error) return true;
    *failed_ = true;
    std::string text;
    llvm::raw_string_ostream stream(text);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    AddError(reply_, text);
    return true;
  }

 private:
  proto::CompileReply* reply_;
  bool* failed_;
};

void EraseIfPresent(llvm::Module& module, llvm::StringRef name) {
  if (llvm::GlobalVariable* variable = module.getNamedGlobal(name)) variable->eraseFromParent();
}

// The object's symbols are its kernels and the variables that outlive a launch; all else is
// private.
void SetLinkage(llvm::Module& module, const SourceFacts& facts) {
  std::set<std::string> wanted;
  for (const proto::KernelInfo& kernel : facts.kernels) wanted.insert(kernel.symbol());
  EraseIfPresent(module, "llvm.used");
  EraseIfPresent(module, "llvm.compiler.used");
  EraseIfPresent(module, "__hip_cuid_");
  // The name expressions: their kernels are known by now, and get other names.
  for (llvm::GlobalVariable& variable : llvm::make_early_inc_range(module.globals())) {
    if (variable.getName().starts_with(kNameVariablePrefix)) variable.eraseFromParent();
  }
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.setComdat(nullptr);
    const bool is_kernel = function.getCallingConv() == llvm::CallingConv::SPIR_KERNEL;
    if (is_kernel && wanted.count(function.getName().str()) == 0) {
      function.deleteBody();
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
      continue;
    }
    function.setLinkage(is_kernel ? llvm::GlobalValue::ExternalLinkage
                                  : llvm::GlobalValue::InternalLinkage);
  }
  for (llvm::GlobalVariable& variable : module.globals()) {
    if (variable.isDeclaration() || variable.getName().starts_with("llvm.")) continue;
    variable.setComdat(nullptr);
    if (variable.getSection() == kSharedSection) continue;
    // A variable that kernels change is reached through its symbol, so that a variant of the module
    // for another block shape can share it.
    if (!variable.isConstant()) {
      variable.setLinkage(llvm::GlobalValue::ExternalLinkage);
      variable.setVisibility(llvm::GlobalValue::DefaultVisibility);
      variable.setDSOLocal(false);
    } else if (!variable.isExternallyInitialized()) {
      variable.setLinkage(llvm::GlobalValue::InternalLinkage);
    }
  }
}

void RunPipeline(llvm::Module& module, const proto::CompileRequest& request, const Target& target,
                 llvm::TargetMachine& machine, std::vector<KernelFacts>* facts) {
  llvm::TargetLibraryInfoImpl library{llvm::Triple(module.getTargetTriple())};
  if (!request.strict_math()) {
    library.addVectorizableFunctionsFromVecLib(llvm::TargetLibraryInfoImpl::LIBMVEC_X86,
                                               llvm::Triple(module.getTargetTriple()));
  }
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  // Threads are what is vectorised, not statements of one thread.
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);

  HostPassOptions options;
  options.block_shape = {request.block_x(), request.block_y(), request.block_z()};
  options.vector_bits = target.vector_bits;
  options.vector_math = !request.strict_math();
  options.facts = facts;
  registerHostDevicePasses(builder, options);

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);

  static constexpr std::array kLevels = {&llvm::OptimizationLevel::O1, &llvm::OptimizationLevel::O2,
                                         &llvm::OptimizationLevel::O3};
  const auto& level = *kLevels[static_cast<std::size_t>(OptimizationOf(request) - 1)];
  builder.buildPerModuleDefaultPipeline(level).run(module, modules);
}

void CopyFacts(const std::vector<KernelFacts>& found, SourceFacts* facts) {
  for (proto::KernelInfo& kernel : facts->kernels) {
    for (const KernelFacts& fact : found) {
      if (fact.symbol != kernel.symbol()) continue;
      kernel.set_static_shared_bytes(fact.static_shared_bytes);
      kernel.set_uses_dynamic_shared(fact.uses_dynamic_shared);
    }
  }
}

void ReportUnbound(const std::string& symbol, const SourceFacts& facts,
                   proto::CompileReply* reply) {
  proto::Diagnostic diagnostic;
  if (const auto place = facts.undefined.find(symbol); place != facts.undefined.end()) {
    diagnostic = place->second;
  }
  diagnostic.set_severity(proto::Diagnostic::ERROR);
  diagnostic.set_message(ToUtf8(absl::StrCat("'", llvm::demangle(symbol),
                                             "' is used but not defined, and the device runtime "
                                             "does not have it")));
  *reply->add_diagnostics() = std::move(diagnostic);
}

}  // namespace

absl::StatusOr<std::string> GenerateObject(llvm::Module& module,
                                           const proto::CompileRequest& request,
                                           const Target& target, SourceFacts* facts,
                                           proto::CompileReply* reply) {
  auto machine = TargetMachineFor(target, OptimizationOf(request), request.strict_math());
  if (!machine.ok()) return machine.status();
  bool failed = false;
  module.getContext().setDiagnosticHandler(std::make_unique<ReportToReply>(reply, &failed));
  SetLinkage(module, *facts);
  if (module.getNamedGlobal("llvm.global_ctors") != nullptr) {
    AddError(reply, "device code cannot run when it is loaded (a dynamic initialiser)");
    return std::string();
  }
  std::vector<KernelFacts> found;
  RunPipeline(module, request, target, **machine, &found);
  if (failed) return std::string();
  CopyFacts(found, facts);

  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager codegen;
  codegen.add(new llvm::TargetLibraryInfoWrapperPass(llvm::Triple(module.getTargetTriple())));
  if ((*machine)->addPassesToEmitFile(codegen, stream, nullptr,
                                      llvm::CodeGenFileType::ObjectFile)) {
    return absl::InternalError("LLVM cannot emit an object for this target");
  }
  codegen.run(module);
  if (failed) return std::string();

  auto unbound = UnboundSymbols(absl::string_view(object.data(), object.size()));
  if (!unbound.ok()) return unbound.status();
  for (const std::string& symbol : *unbound) ReportUnbound(symbol, *facts, reply);
  if (!unbound->empty()) return std::string();
  return std::string(object.begin(), object.end());
}

}  // namespace amdgpu::hostcc
