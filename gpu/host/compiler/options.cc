#include "gpu/host/compiler/options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gpu/host/compiler/device_headers.h"

namespace amdgpu::hostcc {
namespace {

constexpr int kMaxErrors = 20;

}  // namespace

absl::Status CheckRequest(const proto::CompileRequest& request) {
  if (!request.target().empty() && request.target() != "host") {
    return absl::InvalidArgumentError(
        absl::StrCat("this compiler compiles for \"host\", not \"", request.target(), "\""));
  }
  return compiler_process::CheckOptions(request);
}

int OptimizationOf(const proto::CompileRequest& request) {
  return std::clamp<int>(static_cast<int>(request.optimization()), 1, 3);
}

std::vector<std::string> ClangArguments(const proto::CompileRequest& request,
                                        const Target& target) {
  std::vector<std::string> arguments = {
      "-triple", target.triple, "-target-cpu", target.cpu,
      // Device code, for the CPU.
      "-x", "hip", "-fcuda-is-device", "-fdeclspec", absl::StrCat("-std=", StandardOf(request)),
      absl::StrCat("-O", OptimizationOf(request)), "-mrelocation-model", "pic", "-pic-level", "2",
      "-mframe-pointer=none", "-fno-rtti",
      // What a GPU does: no undefined behaviour out of a null pointer or an endless loop.
      "-fno-delete-null-pointer-checks", "-fno-finite-loops",
      request.strict_math() ? "-ffp-contract=off" : "-ffp-contract=fast",
      // The process ends after the compile.
      "-disable-free", "-ferror-limit", absl::StrCat(kMaxErrors), "-nostdsysteminc",
      "-nobuiltininc"};
  for (const std::string& feature : target.features) {
    arguments.insert(arguments.end(), {"-target-feature", feature});
  }
  for (const std::string& path : DeviceIncludePaths()) {
    arguments.insert(arguments.end(), {"-internal-isystem", path});
  }
  return arguments;
}

}  // namespace amdgpu::hostcc
