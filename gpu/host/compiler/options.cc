#include "gpu/host/compiler/options.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gpu/host/abi.h"
#include "gpu/host/compiler/device_headers.h"

namespace amdgpu::hostcc {
namespace {

constexpr std::array<absl::string_view, 4> kStandards = {"c++11", "c++14", "c++17", "c++20"};
constexpr std::size_t kMaxDefines = 4096;
constexpr int kMaxErrors = 20;

bool IsIdentifier(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c) && c != '\t'; });
}

absl::Status CheckDefine(const proto::Define& define) {
  if (!IsIdentifier(define.name())) {
    return absl::InvalidArgumentError(absl::StrCat("a define's name must be an identifier, not \"",
                                                   absl::CHexEscape(define.name().substr(0, 100)),
                                                   "\""));
  }
  if (define.name() == "defined") {
    return absl::InvalidArgumentError("\"defined\" cannot be a define's name");
  }
  if (HasControlCharacter(define.value()) ||
      absl::EndsWith(absl::StripTrailingAsciiWhitespace(define.value()), "\\")) {
    return absl::InvalidArgumentError(absl::StrCat("the value of the define ", define.name(),
                                                   " must be one line without control characters"));
  }
  return absl::OkStatus();
}

absl::Status CheckName(absl::string_view name) {
  if (absl::StripAsciiWhitespace(name).empty() || name.size() > 4096 || HasControlCharacter(name) ||
      name.find_first_of(";{}#\\\"") != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("not the name of a kernel: \"", absl::CHexEscape(name.substr(0, 100)), "\""));
  }
  return absl::OkStatus();
}

absl::Status CheckBlock(const proto::CompileRequest& request) {
  const std::array<std::uint64_t, 3> block = {request.block_x(), request.block_y(),
                                              request.block_z()};
  if (block == std::array<std::uint64_t, 3>{0, 0, 0}) return absl::OkStatus();
  const std::uint64_t limit = host::kMaxThreadsPerBlock;
  for (std::uint64_t size : block) {
    if (size == 0 || size > limit) {
      return absl::InvalidArgumentError(absl::StrCat("a block of ", block[0], " x ", block[1],
                                                     " x ", block[2], " threads is not possible"));
    }
  }
  if (block[0] * block[1] * block[2] > limit) {
    return absl::InvalidArgumentError(absl::StrCat("a block has at most ", limit, " threads, not ",
                                                   block[0] * block[1] * block[2]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRequest(const proto::CompileRequest& request) {
  if (!request.target().empty() && request.target() != "host") {
    return absl::InvalidArgumentError(
        absl::StrCat("this compiler compiles for \"host\", not \"", request.target(), "\""));
  }
  const std::string standard = StandardOf(request);
  if (std::find(kStandards.begin(), kStandards.end(), standard) == kStandards.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the language standard must be c++11, c++14, c++17 or c++20, not \"", standard, "\""));
  }
  if (request.optimization() > 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("the optimization level must be 0 to 3, not ", request.optimization()));
  }
  if (static_cast<std::size_t>(request.defines_size()) > kMaxDefines) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxDefines, " defines"));
  }
  for (const proto::Define& define : request.defines()) {
    if (absl::Status status = CheckDefine(define); !status.ok()) return status;
  }
  for (const std::string& name : request.names()) {
    if (absl::Status status = CheckName(name); !status.ok()) return status;
  }
  return CheckBlock(request);
}

std::string StandardOf(const proto::CompileRequest& request) {
  return request.std().empty() ? kDefaultStandard : request.std();
}

int OptimizationOf(const proto::CompileRequest& request) {
  return std::clamp<int>(static_cast<int>(request.optimization()), 1, 3);
}

std::string DefinesText(const proto::CompileRequest& request) {
  std::string text;
  for (const proto::Define& define : request.defines()) {
    absl::StrAppend(&text, "#undef ", define.name(), "\n#define ", define.name(), " ",
                    define.value(), "\n");
  }
  return text;
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
