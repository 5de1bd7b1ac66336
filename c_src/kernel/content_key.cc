#include "c_src/kernel/content_key.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "c_src/base/build_id.h"
#include "c_src/base/utf8.h"
#include "c_src/kernel/sha256.h"

namespace amdgpu {
namespace {

constexpr char kDefaultFileName[] = "kernel.hip";
constexpr char kDefaultTarget[] = "host";
constexpr char kDefaultStd[] = "c++17";
constexpr std::uint64_t kDefaultMemoryBytes = std::uint64_t{2} << 30;
constexpr std::uint64_t kDefaultOutputBytes = std::uint64_t{64} << 20;

absl::string_view OrDefault(absl::string_view value, absl::string_view fallback) {
  return value.empty() ? fallback : value;
}

void AppendNumber(std::uint64_t number, std::string& out) {
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  out.append(bytes, sizeof(number));
}

void AppendText(absl::string_view text, std::string& out) {
  AppendNumber(text.size(), out);
  out.append(text.data(), text.size());
}

absl::Status CheckText(absl::string_view what, absl::string_view text) {
  const std::size_t valid = ValidUtf8Prefix(text);
  if (valid == text.size()) return absl::OkStatus();
  const auto line = 1 + std::count(text.begin(), text.begin() + valid, '\n');
  return absl::InvalidArgumentError(absl::StrCat(what, " is not valid UTF-8 (line ", line, ")"));
}

}  // namespace

void FillDefaults(proto::CompileRequest& request, std::uint32_t default_timeout_ms) {
  request.set_build_id(std::string(BuildId()));
  if (request.file_name().empty()) request.set_file_name(kDefaultFileName);
  if (request.target().empty()) request.set_target(kDefaultTarget);
  if (request.std().empty()) request.set_std(kDefaultStd);
  if (request.timeout_ms() == 0) request.set_timeout_ms(default_timeout_ms);
  if (request.memory_bytes() == 0) request.set_memory_bytes(kDefaultMemoryBytes);
  if (request.output_bytes() == 0) request.set_output_bytes(kDefaultOutputBytes);
}

absl::Status CheckRequest(const proto::CompileRequest& request) {
  if (request.source().size() > kMaxSourceBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the source has ", request.source().size(),
                                                   " bytes, more than ", kMaxSourceBytes));
  }
  absl::Status status = CheckText("the source", request.source());
  status.Update(CheckText("the file name", request.file_name()));
  status.Update(CheckText("the target", request.target()));
  status.Update(CheckText("the language standard", request.std()));
  for (const std::string& name : request.names()) status.Update(CheckText("a kernel name", name));
  for (const proto::Define& define : request.defines()) {
    status.Update(CheckText("the name of a define", define.name()));
    status.Update(CheckText("the value of a define", define.value()));
  }
  return status;
}

std::string Fingerprint(const proto::CompileRequest& request) {
  std::string out;
  out.reserve(request.source().size() + 256);
  AppendText(request.source(), out);
  AppendText(OrDefault(request.file_name(), kDefaultFileName), out);
  AppendText(OrDefault(request.target(), kDefaultTarget), out);
  AppendText(OrDefault(request.std(), kDefaultStd), out);
  AppendNumber(request.strict_math(), out);
  AppendNumber(request.signature_only(), out);
  AppendNumber(request.optimization(), out);
  AppendNumber(request.block_x(), out);
  AppendNumber(request.block_y(), out);
  AppendNumber(request.block_z(), out);
  AppendNumber(static_cast<std::uint64_t>(request.names_size()), out);
  for (const std::string& name : request.names()) AppendText(name, out);
  AppendNumber(static_cast<std::uint64_t>(request.defines_size()), out);
  for (const proto::Define& define : request.defines()) {
    AppendText(define.name(), out);
    AppendText(define.value(), out);
  }
  return out;
}

std::string ContentKey(const proto::CompileRequest& request, const std::string& maker) {
  std::string context = "amdgpu code object 2";
  AppendText(std::string(BuildId()), context);
  AppendText(maker, context);
  Sha256 hash;
  hash.Update(context);
  hash.Update(Fingerprint(request));
  return ToHex(hash.Finish());
}

}  // namespace amdgpu
