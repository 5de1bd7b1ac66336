#include "gpu/host/compiler/target.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

namespace amdgpu::hostcc {
namespace {

absl::StatusOr<std::shared_ptr<llvm::TargetMachine>> CreateTargetMachine(const Target& target,
                                                                         int optimization,
                                                                         bool strict_math) {
  std::string error;
  const llvm::Target* backend = llvm::TargetRegistry::lookupTarget(target.triple, error);
  if (backend == nullptr) return absl::InternalError(error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = strict_math ? llvm::FPOpFusion::Strict : llvm::FPOpFusion::Fast;
  const llvm::CodeGenOptLevel level = optimization >= 3   ? llvm::CodeGenOptLevel::Aggressive
                                      : optimization == 2 ? llvm::CodeGenOptLevel::Default
                                                          : llvm::CodeGenOptLevel::Less;
  std::shared_ptr<llvm::TargetMachine> machine(
      backend->createTargetMachine(target.triple, target.cpu, absl::StrJoin(target.features, ","),
                                   options, llvm::Reloc::PIC_, llvm::CodeModel::Small, level));
  if (machine == nullptr) return absl::InternalError("LLVM has no x86 back end");
  return machine;
}

}  // namespace

absl::StatusOr<Target> DetectTarget() {
  Target target;
  const llvm::Triple triple(llvm::sys::getProcessTriple());
  if (triple.getArch() != llvm::Triple::x86_64) {
    return absl::UnimplementedError(absl::StrCat("the host device needs an x86-64 processor, not ",
                                                 triple.getArchName().str()));
  }
  target.triple = triple.str();
  target.cpu = llvm::sys::getHostCPUName().str();
  const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const auto& feature : features) {
    target.features.push_back(absl::StrCat(feature.getValue() ? "+" : "-", feature.getKey().str()));
  }
  std::sort(target.features.begin(), target.features.end());
  auto has = [&](const char* name) { return features.lookup(name); };
  target.vector_bits = has("avx512f") && has("avx512vl") ? 512 : has("avx2") ? 256 : 128;
  auto machine = CreateTargetMachine(target, /*optimization=*/3, /*strict_math=*/false);
  if (!machine.ok()) return machine.status();
  target.machine = *std::move(machine);
  return target;
}

void InitializeBackend() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  // Loop strength reduction costs as much compile time as all of vectorisation and gains nothing on
  // vectorised loops. LLVM has no other switch for it than its command line's.
  auto& options = llvm::cl::getRegisteredOptions();
  if (auto found = options.find("disable-lsr"); found != options.end()) {
    static_cast<llvm::cl::opt<bool>*>(found->second)->setValue(true);
  }
}

absl::StatusOr<std::shared_ptr<llvm::TargetMachine>> TargetMachineFor(const Target& target,
                                                                      int optimization,
                                                                      bool strict_math) {
  if (optimization >= 3 && !strict_math && target.machine != nullptr) return target.machine;
  return CreateTargetMachine(target, optimization, strict_math);
}

}  // namespace amdgpu::hostcc
