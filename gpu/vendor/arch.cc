#include "gpu/vendor/arch.h"

#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace amdgpu::vendor {
namespace {

// "sm_90", "sm_90a", "sm_121", "compute_80".
struct CudaVersion {
  int major = 0;
  int minor = 0;
  char suffix = 0;  // 'a' or 'f': not compatible with other versions (of the family)
};

bool ParseCuda(absl::string_view text, CudaVersion* version) {
  if (!text.empty() && (text.back() == 'a' || text.back() == 'f')) {
    version->suffix = text.back();
    text.remove_suffix(1);
  }
  int number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 10) return false;
  version->major = number / 10;
  version->minor = number % 10;
  return true;
}

bool RunsOnCuda(absl::string_view target, absl::string_view arch) {
  CudaVersion device;
  CudaVersion code;
  if (!absl::ConsumePrefix(&arch, "sm_") || !ParseCuda(arch, &device)) return false;
  const bool ptx = absl::ConsumePrefix(&target, "compute_");
  if (!ptx && !absl::ConsumePrefix(&target, "sm_")) return false;
  if (!ParseCuda(target, &code)) return false;
  const int have = device.major * 10 + device.minor;
  const int need = code.major * 10 + code.minor;
  if (code.suffix == 'a') return have == need;
  if (ptx && code.suffix == 0) return have >= need;
  return device.major == code.major && have >= need;
}

// LLVM's generic processors and those that run their code.
struct GenericProcessor {
  absl::string_view name;
  std::initializer_list<absl::string_view> processors;
};
constexpr GenericProcessor kGenericProcessors[] = {
    {"gfx9-generic", {"gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"}},
    {"gfx9-4-generic", {"gfx940", "gfx941", "gfx942", "gfx950"}},
    {"gfx10-1-generic", {"gfx1010", "gfx1011", "gfx1012", "gfx1013"}},
    {"gfx10-3-generic",
     {"gfx1030", "gfx1031", "gfx1032", "gfx1033", "gfx1034", "gfx1035", "gfx1036"}},
    {"gfx11-generic",
     {"gfx1100", "gfx1101", "gfx1102", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153"}},
    {"gfx12-generic", {"gfx1200", "gfx1201"}},
};

bool CoversProcessor(absl::string_view target, absl::string_view processor) {
  if (target == processor) return true;
  for (const GenericProcessor& generic : kGenericProcessors) {
    if (generic.name != target) continue;
    for (absl::string_view covered : generic.processors) {
      if (covered == processor) return true;
    }
  }
  return false;
}

bool RunsOnHip(absl::string_view target, absl::string_view arch) {
  if (!CoversProcessor(Processor(target), Processor(arch))) return false;
  const std::vector<absl::string_view> wanted = absl::StrSplit(target, ':');
  const std::vector<absl::string_view> have = absl::StrSplit(arch, ':');
  for (std::size_t i = 1; i < wanted.size(); ++i) {
    bool found = false;
    for (std::size_t j = 1; j < have.size(); ++j) found = found || wanted[i] == have[j];
    if (!found) return false;
  }
  return true;
}

}  // namespace

absl::string_view Processor(absl::string_view arch) { return arch.substr(0, arch.find(':')); }

bool RunsOn(absl::string_view target, absl::string_view arch) {
  if (absl::StartsWith(arch, "gfx")) return RunsOnHip(target, arch);
  return RunsOnCuda(target, arch);
}

std::vector<std::string> MatrixInstructions(absl::string_view arch) {
  const absl::string_view processor = Processor(arch);
  if (processor == "gfx908") return {"mfma"};
  if (processor == "gfx90a") return {"mfma", "mfma_f64"};
  if (absl::StartsWith(processor, "gfx94")) return {"mfma", "mfma_f64", "mfma_xf32", "mfma_fp8"};
  if (absl::StartsWith(processor, "gfx95")) return {"mfma", "mfma_f64", "mfma_fp8"};
  if (absl::StartsWith(processor, "gfx11")) return {"wmma"};
  if (absl::StartsWith(processor, "gfx12")) return {"wmma", "wmma_fp8"};
  CudaVersion version;
  absl::string_view number = processor;
  if (!absl::ConsumePrefix(&number, "sm_") || !ParseCuda(number, &version)) return {};
  const int sm = version.major * 10 + version.minor;
  std::vector<std::string> instructions;
  if (sm >= 70) instructions.push_back("mma");
  if (sm >= 72) instructions.push_back("mma_int8");
  if (sm >= 80) instructions.push_back("mma_tf32_bf16_f64");
  if (sm >= 89) instructions.push_back("mma_fp8");
  if (version.major == 9) instructions.push_back("wgmma");
  if (version.major == 10 || version.major == 11) instructions.push_back("tcgen05");
  return instructions;
}

}  // namespace amdgpu::vendor
