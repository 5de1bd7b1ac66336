#include "c_src/kernel/compile_error.h"

#include <string.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "c_src/base/error.h"
#include "c_src/base/utf8.h"

namespace amdgpu {
namespace {

using proto::CompileReply;
using proto::Diagnostic;

// Bytes of a source line that are shown: machine-made lines can be megabytes long.
constexpr std::size_t kMaxLineBytes = 160;

bool IsError(const Diagnostic& diagnostic) {
  return diagnostic.severity() == Diagnostic::ERROR || diagnostic.severity() == Diagnostic::FATAL;
}

absl::string_view SeverityName(Diagnostic::Severity severity) {
  switch (severity) {
    case Diagnostic::NOTE:
      return "note";
    case Diagnostic::WARNING:
      return "warning";
    case Diagnostic::FATAL:
      return "fatal error";
    default:
      return "error";
  }
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// `text` with '?' for control characters and for what is not UTF-8.
std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t valid = ValidUtf8Prefix(text);
    for (char c : text.substr(0, valid)) {
      const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
      out.push_back(control ? '?' : c);
    }
    text.remove_prefix(valid);
    if (!text.empty()) {
      out.push_back('?');
      text.remove_prefix(1);
    }
  }
  return out;
}

// The source line and, below it, a caret under byte `column` (from 1).
void AppendSourceLine(const Diagnostic& diagnostic, std::string& out) {
  absl::string_view line = diagnostic.source_line();
  std::size_t caret = std::min<std::size_t>(diagnostic.column() - 1, line.size());
  if (line.size() > kMaxLineBytes) {
    std::size_t start = caret > kMaxLineBytes / 2 ? caret - kMaxLineBytes / 2 : 0;
    while (start < caret && IsContinuation(line[start])) ++start;
    std::size_t length = std::min(kMaxLineBytes, line.size() - start);
    while (start + length < line.size() && IsContinuation(line[start + length])) --length;
    line = line.substr(start, length);
    caret -= start;
  }
  absl::StrAppendFormat(&out, "%5d | %s\n", diagnostic.line(), Printable(line));
  if (diagnostic.column() == 0) return;
  out.append("      | ");
  // One column for each character, however many bytes; a tab stays one.
  for (char c : line.substr(0, caret)) {
    if (!IsContinuation(c)) out.push_back(c == '\t' ? '\t' : ' ');
  }
  out.append("^\n");
}

void AppendDiagnostic(const Diagnostic& diagnostic, std::string& out) {
  out.append(Printable(diagnostic.file()));
  if (diagnostic.line() != 0) absl::StrAppend(&out, ":", diagnostic.line());
  if (diagnostic.column() != 0) absl::StrAppend(&out, ":", diagnostic.column());
  if (!diagnostic.file().empty()) out.append(": ");
  absl::StrAppend(&out, SeverityName(diagnostic.severity()), ": ", Printable(diagnostic.message()),
                  "\n");
  if (diagnostic.line() != 0 && !diagnostic.source_line().empty()) {
    AppendSourceLine(diagnostic, out);
  }
}

absl::StatusCode CodeOf(CompileReply::Outcome outcome) {
  switch (outcome) {
    case CompileReply::SOURCE_ERROR:
      return absl::StatusCode::kInvalidArgument;
    case CompileReply::OUT_OF_MEMORY:
    case CompileReply::OUTPUT_TOO_LARGE:
      return absl::StatusCode::kResourceExhausted;
    case CompileReply::REFUSED:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string Describe(const CompileReply& reply, const proto::CompileRequest& request) {
  const std::string file = Printable(request.file_name());
  switch (reply.outcome()) {
    case CompileReply::SOURCE_ERROR: {
      std::string errors = FormatDiagnostics(reply.diagnostics());
      if (!errors.empty()) return errors;
      return absl::StrCat(file, ": ", Printable(reply.message()));
    }
    case CompileReply::CRASHED:
      return absl::StrCat(
          "the compiler crashed on ", file, " (",
          reply.signal() != 0 ? strsignal(reply.signal()) : Printable(reply.message()),
          "), twice: please report it with the source");
    case CompileReply::OUT_OF_MEMORY:
      return absl::StrCat("compiling ", file, " needed more than its limit of ",
                          request.memory_bytes() >> 20, " MiB of memory");
    case CompileReply::OUTPUT_TOO_LARGE:
      return absl::StrCat("the code of ", file, " is larger than its limit of ",
                          request.output_bytes(), " bytes");
    default:
      return absl::StrCat("the compiler refused ", file, ": ", Printable(reply.message()));
  }
}

}  // namespace

std::string FormatDiagnostics(const google::protobuf::RepeatedPtrField<Diagnostic>& diagnostics) {
  std::string out;
  int errors = 0;
  bool shown = false;  // whether the error that a note belongs to was
  for (const Diagnostic& diagnostic : diagnostics) {
    if (IsError(diagnostic)) shown = ++errors <= kMaxShownErrors;
    if (diagnostic.severity() == Diagnostic::WARNING) shown = false;
    if (shown) AppendDiagnostic(diagnostic, out);
  }
  if (errors > kMaxShownErrors) {
    absl::StrAppend(&out, "and ", errors - kMaxShownErrors, " more errors\n");
  }
  if (!out.empty()) out.pop_back();  // the last line's end
  return out;
}

absl::Status CompileError(const CompileReply& reply, const proto::CompileRequest& request) {
  if (reply.outcome() == CompileReply::TIMED_OUT) return CompileTimeout(request.timeout_ms());
  proto::ErrorDetail detail;
  detail.mutable_compile()->set_outcome(reply.outcome());
  *detail.mutable_compile()->mutable_diagnostics() = reply.diagnostics();
  return MakeError(CodeOf(reply.outcome()), Describe(reply, request), detail);
}

absl::Status CompileTimeout(std::uint32_t timeout_ms) {
  proto::ErrorDetail detail;
  detail.mutable_timeout()->set_what("compile");
  detail.mutable_timeout()->set_after_ns(std::uint64_t{timeout_ms} * 1'000'000);
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   absl::StrCat("the compile had not ended after ", timeout_ms, " ms"), detail);
}

}  // namespace amdgpu
