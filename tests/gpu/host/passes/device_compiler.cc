// clang and LLVM's pipeline, in process.

#include "tests/gpu/host/passes/device_compiler.h"

#include <fstream>
#include <iterator>
#include <vector>

// gcc 12 finds null pointers in clang's headers that are not there.
#pragma GCC diagnostic ignored "-Wnonnull"

#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/CodeGen/CodeGenAction.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/MultiplexConsumer.h"
#include "clang/Frontend/TextDiagnosticPrinter.h"
#include "clang/Lex/PreprocessorOptions.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

namespace amdgpu::hostcc {
namespace {

// Gives kernels and shared variables the marks that passes.h asks for.
class MarkDeclarations : public clang::RecursiveASTVisitor<MarkDeclarations> {
 public:
  explicit MarkDeclarations(clang::ASTContext& context) : context_(context) {}
  bool shouldVisitTemplateInstantiations() const { return true; }

  bool VisitVarDecl(clang::VarDecl* variable) {
    if (variable->hasAttr<clang::CUDASharedAttr>() && !variable->hasAttr<clang::SectionAttr>()) {
      variable->addAttr(clang::SectionAttr::CreateImplicit(context_, kSharedSection));
    }
    return true;
  }

  bool VisitFunctionDecl(clang::FunctionDecl* function) {
    if (!function->hasAttr<clang::CUDAGlobalAttr>()) return true;
    const auto* type = function->getType()->getAs<clang::FunctionProtoType>();
    if (!type || type->getCallConv() == clang::CC_OpenCLKernel) return true;
    const auto info = type->getExtInfo().withCallingConv(clang::CC_OpenCLKernel);
    function->setType(clang::QualType(context_.adjustFunctionType(type, info), 0));
    if (function->isThisDeclarationADefinition() && !function->isDependentContext()) {
      function->addAttr(clang::UsedAttr::CreateImplicit(context_));
    }
    return true;
  }

 private:
  clang::ASTContext& context_;
};

class MarkingConsumer : public clang::ASTConsumer {
 public:
  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* declaration : group) {
      MarkDeclarations(declaration->getASTContext()).TraverseDecl(declaration);
    }
    return true;
  }
};

class MarkingAction : public clang::EmitLLVMOnlyAction {
 public:
  explicit MarkingAction(llvm::LLVMContext* context) : EmitLLVMOnlyAction(context) {}
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& instance,
                                                        llvm::StringRef file) override {
    std::vector<std::unique_ptr<clang::ASTConsumer>> consumers;
    consumers.push_back(std::make_unique<MarkingConsumer>());
    consumers.push_back(EmitLLVMOnlyAction::CreateASTConsumer(instance, file));
    return std::make_unique<clang::MultiplexConsumer>(std::move(consumers));
  }
};

std::string readFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct CollectErrors : llvm::DiagnosticHandler {
  explicit CollectErrors(std::string* errors) : errors(errors) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getSeverity() != llvm::DS_Error) return true;
    llvm::raw_string_ostream stream(*errors);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    return true;
  }
  std::string* errors;
};

}  // namespace

std::uint32_t nativeVectorBits() {
  const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (features.lookup("avx512f") && features.lookup("avx512vl")) return 512;
  return features.lookup("avx2") ? 256 : 128;
}

std::unique_ptr<llvm::Module> compileDeviceSource(const std::string& source,
                                                  llvm::LLVMContext& context, std::string& errors) {
  const std::string cpu(llvm::sys::getHostCPUName());
  const char* arguments[] = {"-triple",
                             "x86_64-pc-linux-gnu",
                             "-x",
                             "hip",
                             "-fcuda-is-device",
                             "-fdeclspec",
                             "-std=c++17",
                             "-O3",
                             "-vectorize-loops",
                             "-disable-llvm-passes",
                             "-target-cpu",
                             cpu.c_str(),
                             "-fveclib=libmvec",
                             "-ffp-contract=fast",
                             "-mrelocation-model",
                             "pic",
                             "-pic-level",
                             "2",
                             "-w",
                             "kernel.hip"};
  clang::CompilerInstance instance;
  llvm::raw_string_ostream stream(errors);
  llvm::IntrusiveRefCntPtr<clang::DiagnosticOptions> options(new clang::DiagnosticOptions);
  auto diagnostics = clang::CompilerInstance::createDiagnostics(
      options.get(), new clang::TextDiagnosticPrinter(stream, options.get()));
  instance.setDiagnostics(diagnostics.get());
  clang::CompilerInvocation::CreateFromArgs(instance.getInvocation(), arguments, *diagnostics);
  const std::string text =
      readFile(AMDGPU_PASS_TEST_PRELUDE) + "\n#line 1 \"kernel.hip\"\n" + source;
  instance.getPreprocessorOpts().addRemappedFile(
      "kernel.hip", llvm::MemoryBuffer::getMemBufferCopy(text, "kernel.hip").release());
  MarkingAction action(&context);
  if (!instance.ExecuteAction(action)) return nullptr;
  return action.takeModule();
}

std::unique_ptr<llvm::TargetMachine> nativeTarget() {
  static const bool initialised = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  (void)initialised;
  std::string error;
  const std::string triple = "x86_64-pc-linux-gnu";
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, llvm::sys::getHostCPUName(), "", llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

void optimiseDeviceModule(llvm::Module& module, llvm::TargetMachine& target,
                          const HostPassOptions& options, std::string& errors) {
  module.getContext().setDiagnosticHandler(std::make_unique<CollectErrors>(&errors));
  llvm::PassBuilder builder(&target);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::TargetLibraryInfoImpl library(llvm::Triple(module.getTargetTriple()));
  library.addVectorizableFunctionsFromVecLib(llvm::TargetLibraryInfoImpl::LIBMVEC_X86,
                                             llvm::Triple(module.getTargetTriple()));
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  registerHostDevicePasses(builder, options);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

}  // namespace amdgpu::hostcc
