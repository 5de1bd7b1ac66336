#include "gpu/compiler_process/request.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace amdgpu::compiler_process {
namespace {

constexpr std::array<absl::string_view, 4> kStandards = {"c++11", "c++14", "c++17", "c++20"};
constexpr std::uint64_t kMaxThreadsPerBlock = 1024;  // of every device
constexpr std::size_t kMaxDefines = 4096;

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
  const std::uint64_t limit = kMaxThreadsPerBlock;
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

absl::Status CheckOptions(const proto::CompileRequest& request) {
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

std::string FileNameOf(const proto::CompileRequest& request) {
  return request.file_name().empty() ? "kernel.hip" : request.file_name();
}

std::string DefinesText(const proto::CompileRequest& request) {
  std::string text;
  for (const proto::Define& define : request.defines()) {
    absl::StrAppend(&text, "#undef ", define.name(), "\n#define ", define.name(), " ",
                    define.value(), "\n");
  }
  return text;
}

}  // namespace amdgpu::compiler_process
