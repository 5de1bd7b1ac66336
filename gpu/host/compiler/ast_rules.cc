#include "gpu/host/compiler/ast_rules.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clang/AST/Attr.h"
#include "clang/AST/DeclGroup.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/AST/Type.h"
#include "gpu/host/compiler/diagnostics.h"
#include "gpu/host/compiler/kernel_signature.h"
#include "gpu/host/compiler/passes/passes.h"

namespace amdgpu::hostcc {
namespace {

using clang::DiagnosticsEngine;

// The function that an initialiser like `&scale<float>` names.
const clang::FunctionDecl* FunctionNamed(const clang::Expr* expression) {
  while (expression != nullptr) {
    expression = expression->IgnoreParenCasts();
    if (const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(expression)) {
      expression = unary->getSubExpr();
    } else if (const auto* full = llvm::dyn_cast<clang::FullExpr>(expression)) {
      expression = full->getSubExpr();
    } else {
      break;
    }
  }
  const auto* reference = llvm::dyn_cast_or_null<clang::DeclRefExpr>(expression);
  return reference == nullptr ? nullptr : llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl());
}

class Rules : public clang::ASTConsumer, public clang::RecursiveASTVisitor<Rules> {
 public:
  Rules(std::vector<std::string> names, DiagnosticsEngine& diagnostics,
        const DiagnosticCollector* collector, SourceFacts* facts,
        std::unique_ptr<clang::ASTConsumer> generator)
      : names_(std::move(names)),
        diagnostics_(diagnostics),
        collector_(collector),
        facts_(facts),
        generator_(std::move(generator)) {
    named_.resize(names_.size(), nullptr);
  }

  void Initialize(clang::ASTContext& context) override {
    context_ = &context;
    generator_->Initialize(context);
  }
  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* declaration : group) TraverseDecl(declaration);
    groups_.push_back(group);
    return true;
  }
  void HandleTranslationUnit(clang::ASTContext& context) override;

  // The rest is no concern of the rules.
  void HandleInlineFunctionDefinition(clang::FunctionDecl* function) override {
    generator_->HandleInlineFunctionDefinition(function);
  }
  void HandleTagDeclDefinition(clang::TagDecl* tag) override {
    generator_->HandleTagDeclDefinition(tag);
  }
  void HandleTagDeclRequiredDefinition(const clang::TagDecl* tag) override {
    generator_->HandleTagDeclRequiredDefinition(tag);
  }
  void HandleCXXStaticMemberVarInstantiation(clang::VarDecl* variable) override {
    generator_->HandleCXXStaticMemberVarInstantiation(variable);
  }
  void CompleteTentativeDefinition(clang::VarDecl* variable) override {
    generator_->CompleteTentativeDefinition(variable);
  }
  void HandleVTable(clang::CXXRecordDecl* record) override { generator_->HandleVTable(record); }

  bool shouldVisitTemplateInstantiations() const { return true; }
  bool VisitFunctionDecl(clang::FunctionDecl* function);
  bool VisitVarDecl(clang::VarDecl* variable);
  bool VisitFunctionTemplateDecl(clang::FunctionTemplateDecl* function);
  bool VisitDeclRefExpr(clang::DeclRefExpr* reference);
  bool VisitAsmStmt(clang::AsmStmt* statement);
  bool VisitFileScopeAsmDecl(clang::FileScopeAsmDecl* declaration);

 private:
  template <unsigned length>
  void Refuse(clang::SourceLocation location, const char (&message)[length]) {
    diagnostics_.Report(location, diagnostics_.getCustomDiagID(DiagnosticsEngine::Error, message));
  }
  bool FirstVisit(const clang::Decl* declaration) { return visited_.insert(declaration).second; }
  void MarkKernel(clang::FunctionDecl* kernel);
  void NoteUndefined();
  void NoteVariables();
  void ListKernels();
  void ListNamedKernels();

  const std::vector<std::string> names_;
  DiagnosticsEngine& diagnostics_;
  const DiagnosticCollector* const collector_;
  SourceFacts* const facts_;
  clang::ASTContext* context_ = nullptr;

  std::set<const clang::Decl*> visited_;
  const std::unique_ptr<clang::ASTConsumer> generator_;
  std::vector<clang::DeclGroupRef> groups_;  // what generator_ has not seen yet

  std::vector<clang::FunctionDecl*> kernels_;      // with a body, not templates
  std::vector<const clang::FunctionDecl*> named_;  // what each name expression names
  std::vector<const clang::VarDecl*> variables_;
  // Functions and variables that device code refers to, and where first.
  std::map<const clang::ValueDecl*, clang::SourceLocation> references_;
};

bool Rules::VisitFunctionDecl(clang::FunctionDecl* function) {
  if (function->hasAttr<clang::ConstructorAttr>() || function->hasAttr<clang::DestructorAttr>()) {
    if (FirstVisit(function)) {
      Refuse(function->getLocation(),
             "device code cannot run when it is loaded or unloaded (constructor, destructor)");
    }
  }
  if (function->hasAttr<clang::IFuncAttr>() || function->hasAttr<clang::NakedAttr>()) {
    if (FirstVisit(function)) {
      Refuse(function->getLocation(), "ifunc and naked functions are not possible on a device");
    }
  }
  if (!function->hasAttr<clang::CUDAGlobalAttr>() || function->isDependentContext() ||
      !function->isThisDeclarationADefinition() || !FirstVisit(function)) {
    return true;
  }
  kernels_.push_back(function);
  return true;
}

void Rules::MarkKernel(clang::FunctionDecl* kernel) {
  // With this calling convention a kernel's IR parameters are its source parameters, one to one.
  const auto* type = kernel->getType()->castAs<clang::FunctionProtoType>();
  const auto info = type->getExtInfo().withCallingConv(clang::CC_OpenCLKernel);
  kernel->setType(clang::QualType(context_->adjustFunctionType(type, info), 0));
  // An instantiation is emitted though nothing calls it.
  if (!kernel->hasAttr<clang::UsedAttr>()) {
    kernel->addAttr(clang::UsedAttr::CreateImplicit(*context_));
  }
}

bool Rules::VisitFunctionTemplateDecl(clang::FunctionTemplateDecl* function) {
  if (function->getTemplatedDecl()->hasAttr<clang::CUDAGlobalAttr>() &&
      FirstVisit(function->getCanonicalDecl())) {
    facts_->available.push_back(function->getQualifiedNameAsString() + "<...>");
  }
  return true;
}

bool Rules::VisitVarDecl(clang::VarDecl* variable) {
  if (variable->getTLSKind() != clang::VarDecl::TLS_None) {
    if (FirstVisit(variable)) {
      Refuse(variable->getLocation(), "thread-local variables are not possible on a device");
    }
    return true;
  }
  if (variable->getDeclContext()->isDependentContext() || !FirstVisit(variable)) return true;
  if (variable->hasAttr<clang::CUDASharedAttr>()) {
    variable->addAttr(clang::SectionAttr::CreateImplicit(*context_, kSharedSection));
  } else if (const auto* device = variable->getAttr<clang::CUDADeviceAttr>();
             (device != nullptr && !device->isImplicit()) ||
             variable->hasAttr<clang::CUDAConstantAttr>()) {
    if (variable->hasGlobalStorage() && variable->isThisDeclarationADefinition()) {
      variables_.push_back(variable);
    }
  }
  int index;
  if (llvm::StringRef name = variable->getName();
      name.consume_front(kNameVariablePrefix) && variable->isFileVarDecl() &&
      absl::SimpleAtoi(std::string(name), &index) && index >= 0 &&
      static_cast<std::size_t>(index) < named_.size()) {
    named_[static_cast<std::size_t>(index)] = FunctionNamed(variable->getInit());
  }
  return true;
}

bool Rules::VisitDeclRefExpr(clang::DeclRefExpr* reference) {
  const clang::ValueDecl* target = reference->getDecl();
  if (llvm::isa<clang::FunctionDecl>(target) ||
      (llvm::isa<clang::VarDecl>(target) && llvm::cast<clang::VarDecl>(target)->hasLinkage())) {
    references_.try_emplace(target, reference->getLocation());
  }
  return true;
}

bool Rules::VisitAsmStmt(clang::AsmStmt* statement) {
  Refuse(statement->getAsmLoc(), "inline assembly is not possible on the host device");
  return true;
}

bool Rules::VisitFileScopeAsmDecl(clang::FileScopeAsmDecl* declaration) {
  Refuse(declaration->getAsmLoc(), "inline assembly is not possible on the host device");
  return true;
}

// Whether any of it is needed is known when the object is there; where it was is known now.
void Rules::NoteUndefined() {
  for (const auto& [target, location] : references_) {
    if (context_->getSourceManager().isInSystemHeader(location)) continue;
    if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(target)) {
      if (function->isDefined() || function->isDependentContext()) continue;
    } else if (llvm::cast<clang::VarDecl>(target)->hasDefinition() !=
               clang::VarDecl::DeclarationOnly) {
      continue;
    }
    proto::Diagnostic& place = facts_->undefined[SymbolOf(*context_, *target)];
    if (!collector_->Locate(context_->getSourceManager(), location, &place)) place.Clear();
  }
}

void Rules::ListKernels() {
  std::map<std::string, int> overloads;
  for (const auto* kernel : kernels_) ++overloads[kernel->getQualifiedNameAsString()];
  for (const auto* kernel : kernels_) {
    if (kernel->isTemplateInstantiation() || kernel->getPrimaryTemplate() != nullptr) continue;
    std::string name = kernel->getQualifiedNameAsString();
    if (overloads[name] > 1) {
      std::string parameters;
      const proto::KernelInfo info = KernelSignature(*context_, *kernel, name);
      for (const proto::Param& param : info.params()) {
        absl::StrAppend(&parameters, parameters.empty() ? "" : ", ", param.type());
      }
      absl::StrAppend(&name, "(", parameters, ")");
    }
    name = ToUtf8(name);
    facts_->available.push_back(name);
    if (names_.empty()) facts_->kernels.push_back(KernelSignature(*context_, *kernel, name));
  }
}

void Rules::ListNamedKernels() {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const clang::FunctionDecl* definition = nullptr;
    if (named_[i] != nullptr) named_[i]->isDefined(definition);
    if (definition == nullptr || !definition->hasAttr<clang::CUDAGlobalAttr>()) {
      facts_->bad_names.push_back(static_cast<int>(i));
      continue;
    }
    facts_->kernels.push_back(KernelSignature(*context_, *definition, names_[i]));
  }
}

void Rules::NoteVariables() {
  for (const clang::VarDecl* variable : variables_) {
    proto::GlobalInfo info;
    info.set_name(ToUtf8(variable->getQualifiedNameAsString()));
    info.set_symbol(SymbolOf(*context_, *variable));
    info.set_size(static_cast<std::uint64_t>(
        context_->getTypeSizeInChars(variable->getType()).getQuantity()));
    facts_->globals.push_back(std::move(info));
  }
}

void Rules::HandleTranslationUnit(clang::ASTContext& context) {
  ListKernels();
  std::sort(facts_->available.begin(), facts_->available.end());
  ListNamedKernels();
  if (diagnostics_.hasErrorOccurred()) return;
  NoteUndefined();
  NoteVariables();
  for (clang::FunctionDecl* kernel : kernels_) MarkKernel(kernel);
  for (clang::DeclGroupRef group : groups_) generator_->HandleTopLevelDecl(group);
  generator_->HandleTranslationUnit(context);
}

}  // namespace

std::unique_ptr<clang::ASTConsumer> CreateAstRules(std::vector<std::string> names,
                                                   DiagnosticsEngine& diagnostics,
                                                   const DiagnosticCollector* collector,
                                                   SourceFacts* facts,
                                                   std::unique_ptr<clang::ASTConsumer> generator) {
  return std::make_unique<Rules>(std::move(names), diagnostics, collector, facts,
                                 std::move(generator));
}

}  // namespace amdgpu::hostcc
