#include "gpu/host/compiler/runtime_symbol_check.h"

#include <string_view>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gpu/host/runtime_symbols.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace amdgpu::hostcc {
namespace {

std::unordered_set<std::string> AllRuntimeSymbols() {
  std::unordered_set<std::string> symbols;
  for (std::string_view name : host::kMathFunctions) {
    symbols.emplace(name);
    symbols.insert(std::string(name) + "f");
  }
  for (const host::VectorMathFunction& function : host::kVectorMathFunctions) {
    for (const host::VectorWidth& width : host::kVectorWidths) {
      auto add = [&](int lanes, const char* suffix) {
        symbols.insert(absl::StrCat("_ZGV", std::string(1, width.isa), "N", lanes,
                                    std::string(function.arguments), "_",
                                    std::string(function.name), suffix));
      };
      add(width.doubles, "");
      add(2 * width.doubles, "f");
    }
  }
  for (std::string_view name : host::kDriverFunctions) symbols.emplace(name);
  return symbols;
}

}  // namespace

bool IsRuntimeSymbol(absl::string_view symbol) {
  static const auto* const symbols = new std::unordered_set<std::string>(AllRuntimeSymbols());
  return symbols->count(std::string(symbol)) > 0;
}

absl::StatusOr<std::vector<std::string>> UnboundSymbols(absl::string_view object) {
  auto file = llvm::object::ObjectFile::createELFObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(object.data(), object.size()), "object"));
  if (!file) return absl::InternalError(llvm::toString(file.takeError()));
  std::vector<std::string> unbound;
  for (const llvm::object::SymbolRef& symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name) {
      llvm::consumeError(flags.takeError());
      llvm::consumeError(name.takeError());
      return absl::InternalError("the object has a bad symbol table");
    }
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) == 0 || name->empty() ||
        *name == "_GLOBAL_OFFSET_TABLE_") {
      continue;
    }
    const std::string text = name->str();
    if (!IsRuntimeSymbol(text)) unbound.push_back(text);
  }
  return unbound;
}

}  // namespace amdgpu::hostcc
