#include "gpu/host/compiler/frontend.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "clang/CodeGen/ModuleBuilder.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/CompilerInvocation.h"
#include "clang/Frontend/FrontendAction.h"
#include "clang/Lex/PreprocessorOptions.h"
#include "clang/Sema/Sema.h"
#include "clang/Serialization/ASTWriter.h"
#include "clang/Serialization/InMemoryModuleCache.h"
#include "clang/Serialization/PCHContainerOperations.h"
#include "gpu/host/compiler/device_headers.h"
#include "gpu/host/compiler/diagnostics.h"
#include "gpu/host/compiler/options.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace amdgpu::hostcc {
namespace {

using FileSystem = llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem>;

constexpr char kPrecompiledPath[] = "/device/prelude.pch";

// Sema's list of functions whose deferred device diagnostics are due at the end of a translation
// unit. It is private; an explicit instantiation may name it all the same.
using DeferredList = llvm::SmallSetVector<clang::Decl*, 4> clang::Sema::*;
DeferredList DeferredDiagnostics();
template <DeferredList list>
struct GrantAccess {
  friend DeferredList DeferredDiagnostics() { return list; }
};
template struct GrantAccess<&clang::Sema::DeclsToCheckForDeferredDiags>;

// Serialises an AST without that list: with it, clang would read every function of the prelude in
// every compile, and parsing would take twenty times as long.
class PreludeGenerator : public clang::PCHGenerator {
 public:
  using PCHGenerator::PCHGenerator;

  void InitializeSema(clang::Sema& sema) override {
    sema_ = &sema;
    PCHGenerator::InitializeSema(sema);
  }
  void ForgetSema() override {
    sema_ = nullptr;
    PCHGenerator::ForgetSema();
  }
  void HandleTranslationUnit(clang::ASTContext& context) override {
    (sema_->*DeferredDiagnostics()).clear();
    PCHGenerator::HandleTranslationUnit(context);
  }

 private:
  clang::Sema* sema_ = nullptr;
};

// Parses a header and keeps its AST in serialised form.
class PrecompileAction : public clang::ASTFrontendAction {
 public:
  explicit PrecompileAction(std::shared_ptr<clang::PCHBuffer> result)
      : result_(std::move(result)) {}

  clang::TranslationUnitKind getTranslationUnitKind() override { return clang::TU_Prefix; }
  bool BeginSourceFileAction(clang::CompilerInstance& compiler) override {
    compiler.getLangOpts().CompilingPCH = true;
    return true;
  }
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler,
                                                        llvm::StringRef) override {
    return std::make_unique<PreludeGenerator>(compiler.getPreprocessor(), compiler.getModuleCache(),
                                              /*OutputFile=*/"", /*isysroot=*/"", result_,
                                              compiler.getFrontendOpts().ModuleFileExtensions);
  }

 private:
  std::shared_ptr<clang::PCHBuffer> result_;
};

// Parses a source under our rules and generates its module.
class GenerateModuleAction : public clang::ASTFrontendAction {
 public:
  GenerateModuleAction(std::vector<std::string> names, llvm::LLVMContext& context,
                       const DiagnosticCollector* collector, SourceFacts* facts)
      : names_(std::move(names)), context_(context), collector_(collector), facts_(facts) {}

  std::unique_ptr<llvm::Module> TakeModule() { return std::move(module_); }

  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler,
                                                        llvm::StringRef file) override {
    std::unique_ptr<clang::CodeGenerator> generator(clang::CreateLLVMCodeGen(
        compiler.getDiagnostics(), file, compiler.getFileManager().getVirtualFileSystemPtr(),
        compiler.getHeaderSearchOpts(), compiler.getPreprocessorOpts(), compiler.getCodeGenOpts(),
        context_));
    generator_ = generator.get();
    return CreateAstRules(names_, compiler.getDiagnostics(), collector_, facts_,
                          std::move(generator));
  }
  void EndSourceFileAction() override {
    if (!getCompilerInstance().getDiagnostics().hasErrorOccurred()) {
      module_.reset(generator_->ReleaseModule());
    }
  }

 private:
  const std::vector<std::string> names_;
  llvm::LLVMContext& context_;
  const DiagnosticCollector* const collector_;
  SourceFacts* const facts_;
  clang::CodeGenerator* generator_ = nullptr;
  std::unique_ptr<llvm::Module> module_;
};

// Parses a source under our rules, for what it declares. Skips bodies.
class SignatureAction : public clang::ASTFrontendAction {
 public:
  SignatureAction(std::vector<std::string> names, const DiagnosticCollector* collector,
                  SourceFacts* facts)
      : names_(std::move(names)), collector_(collector), facts_(facts) {}

  bool BeginInvocation(clang::CompilerInstance& compiler) override {
    compiler.getFrontendOpts().SkipFunctionBodies = true;
    return true;
  }
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler,
                                                        llvm::StringRef) override {
    return CreateAstRules(names_, compiler.getDiagnostics(), collector_, facts_,
                          std::make_unique<clang::ASTConsumer>());
  }

 private:
  const std::vector<std::string> names_;
  const DiagnosticCollector* const collector_;
  SourceFacts* const facts_;
};

// Sets `compiler` up for these arguments of clang -cc1. False: an argument was not understood.
bool Prepare(clang::CompilerInstance& compiler, const std::vector<std::string>& arguments,
             const FileSystem& files, clang::DiagnosticConsumer* consumer) {
  compiler.createDiagnostics(consumer, /*ShouldOwnClient=*/false);
  std::vector<const char*> pointers;
  pointers.reserve(arguments.size());
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  if (!clang::CompilerInvocation::CreateFromArgs(compiler.getInvocation(), pointers,
                                                 compiler.getDiagnostics())) {
    return false;
  }
  // CreateFromArgs made new diagnostic options; nothing may go to the terminal.
  compiler.getDiagnosticOpts().ShowCarets = false;
  compiler.createDiagnostics(consumer, /*ShouldOwnClient=*/false);
  compiler.setVerboseOutputStream(std::make_unique<llvm::raw_null_ostream>());
  compiler.createFileManager(files);
  return true;
}

// The caller's source comes first, then what instantiates the kernels it asked for.
std::string MainText(const proto::CompileRequest& request) {
  std::string text = absl::StrCat("#include \"", kSourcePath, "\"\n");
  if (request.names_size() > 0) absl::StrAppend(&text, "#include \"", kNamesPath, "\"\n");
  return text;
}

std::string NamesText(const proto::CompileRequest& request) {
  std::string text;
  for (int i = 0; i < request.names_size(); ++i) {
    const absl::string_view name = absl::StripAsciiWhitespace(request.names(i));
    // A cast that chooses an overload is an expression already.
    const bool is_expression = absl::StartsWith(name, "(") || absl::StartsWith(name, "&");
    absl::StrAppend(&text, "extern \"C\" constexpr auto ", kNameVariablePrefix, i, " = ",
                    is_expression ? "" : "&", name, ";\n");
  }
  return text;
}

void AddFile(llvm::vfs::InMemoryFileSystem& files, const char* path, const std::string& text) {
  files.addFile(path, /*ModificationTime=*/0, llvm::MemoryBuffer::getMemBuffer(text, path));
}

void ReportBadName(const std::string& name, const SourceFacts& facts, proto::CompileReply* reply) {
  std::string message = absl::StrCat("no kernel is named '", name, "'; ");
  if (facts.available.empty()) {
    absl::StrAppend(&message, "the source has no kernel (a __global__ function)");
  } else {
    absl::StrAppend(&message, "the source has: ", absl::StrJoin(facts.available, ", "));
  }
  AddError(reply, message);
}

}  // namespace

Frontend::Frontend(const Target& target) : target_(target), headers_(DeviceHeaderFileSystem()) {}

absl::StatusOr<std::unique_ptr<const Frontend>> Frontend::Create(const Target& target) {
  std::unique_ptr<Frontend> frontend(new Frontend(target));
  if (absl::Status status = frontend->PrecompilePrelude(); !status.ok()) return status;
  return std::unique_ptr<const Frontend>(std::move(frontend));
}

absl::Status Frontend::PrecompilePrelude() {
  proto::CompileReply reply;
  DiagnosticCollector collector("prelude.h", &reply);
  clang::CompilerInstance compiler;
  std::vector<std::string> arguments = ClangArguments(proto::CompileRequest(), target_);
  // Else every compile would instantiate what the prelude's own functions use.
  arguments.insert(arguments.end(), {"-fpch-instantiate-templates", kPreludePath});
  auto buffer = std::make_shared<clang::PCHBuffer>();
  PrecompileAction action(buffer);
  if (!Prepare(compiler, arguments, headers_, &collector) || !compiler.ExecuteAction(action) ||
      !buffer->IsComplete) {
    std::string message = "the device headers do not compile";
    for (const proto::Diagnostic& diagnostic : reply.diagnostics()) {
      absl::StrAppend(&message, "\n", FormatDiagnostic(diagnostic));
    }
    return absl::InternalError(message);
  }
  precompiled_.assign(buffer->Data.begin(), buffer->Data.end());
  AddFile(*headers_, kPrecompiledPath, precompiled_);
  return absl::OkStatus();
}

bool Frontend::RunAction(const proto::CompileRequest& request, clang::FrontendAction& action,
                         DiagnosticCollector& collector, const SourceFacts& facts,
                         proto::CompileReply* reply) const {
  const std::string main = MainText(request);
  const std::string names = NamesText(request);
  const std::string defines = DefinesText(request);
  auto own = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
  AddFile(*own, kMainPath, main);
  AddFile(*own, kSourcePath, request.source());
  AddFile(*own, kNamesPath, names);
  AddFile(*own, kDefinesPath, defines);
  auto files = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(headers_);
  files->pushOverlay(own);

  std::vector<std::string> arguments = ClangArguments(request, target_);
  if (StandardOf(request) == kDefaultStandard) {
    arguments.insert(arguments.end(), {"-include-pch", kPrecompiledPath});
  } else {
    arguments.insert(arguments.end(), {"-include", kPreludePath});
  }
  arguments.insert(
      arguments.end(),
      {"-include", kDefinesPath,
       absl::StrCat("-fmacro-prefix-map=", kSourcePath, "=", FileNameOf(request)), kMainPath});

  clang::CompilerInstance compiler;
  if (!Prepare(compiler, arguments, files, &collector)) return false;
  compiler.getPreprocessorOpts().DisablePCHOrModuleValidation =
      clang::DisableValidationForModuleKind::All;
  compiler.ExecuteAction(action);
  if (collector.has_name_error()) {
    const int index = collector.name_error_index();
    if (index < request.names_size()) ReportBadName(request.names(index), facts, reply);
    return false;
  }
  if (compiler.getDiagnostics().hasErrorOccurred()) return false;
  for (int index : facts.bad_names) ReportBadName(request.names(index), facts, reply);
  if (!facts.bad_names.empty()) return false;
  if (facts.kernels.empty()) {
    AddError(reply, "the source has no kernel (a __global__ function)");
    return false;
  }
  return true;
}

std::unique_ptr<llvm::Module> Frontend::Run(const proto::CompileRequest& request,
                                            llvm::LLVMContext& context, SourceFacts* facts,
                                            proto::CompileReply* reply) const {
  DiagnosticCollector collector(FileNameOf(request), reply);
  GenerateModuleAction action({request.names().begin(), request.names().end()}, context, &collector,
                              facts);
  if (!RunAction(request, action, collector, *facts, reply)) return nullptr;
  return action.TakeModule();
}

bool Frontend::RunSignatures(const proto::CompileRequest& request, SourceFacts* facts,
                             proto::CompileReply* reply) const {
  DiagnosticCollector collector(FileNameOf(request), reply);
  SignatureAction action({request.names().begin(), request.names().end()}, &collector, facts);
  return RunAction(request, action, collector, *facts, reply);
}

}  // namespace amdgpu::hostcc
