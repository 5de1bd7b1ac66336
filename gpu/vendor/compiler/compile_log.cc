#include "gpu/vendor/compiler/compile_log.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "c_src/base/utf8.h"
#include "gpu/compiler_process/request.h"

namespace amdgpu::vendorcc {
namespace {

using proto::Diagnostic;

constexpr int kMaxDiagnostics = 100;
constexpr std::size_t kMaxMessageBytes = 4000;
constexpr std::size_t kMaxSourceLineBytes = 1000;
constexpr absl::string_view kNvrtcNamesFile = "__nv_name_map";

struct Severity {
  absl::string_view text;
  Diagnostic::Severity severity;
};
constexpr Severity kSeverities[] = {{"catastrophic error", Diagnostic::FATAL},
                                    {"internal error", Diagnostic::FATAL},
                                    {"fatal error", Diagnostic::FATAL},
                                    {"fatal", Diagnostic::FATAL},
                                    {"error", Diagnostic::ERROR},
                                    {"warning", Diagnostic::WARNING},
                                    {"remark", Diagnostic::NOTE},
                                    {"note", Diagnostic::NOTE}};

// Reads "error: text", "error #20-D: text", "fatal   : text". False if `line` is none of it.
bool ReadMessage(absl::string_view line, Diagnostic* diagnostic) {
  for (const Severity& severity : kSeverities) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, severity.text)) continue;
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (absl::StartsWith(rest, "#")) rest = rest.substr(std::min(rest.size(), rest.find(':')));
    if (!absl::ConsumePrefix(&rest, ":")) continue;
    diagnostic->set_severity(severity.severity);
    diagnostic->set_message(std::string(absl::StripLeadingAsciiWhitespace(rest)));
    return true;
  }
  return false;
}

// A number at the end of `text`, behind `before`; both are taken off.
std::optional<std::uint32_t> TakeNumber(absl::string_view before, absl::string_view* text) {
  const std::size_t place = text->rfind(before);
  std::uint32_t number;
  if (place == absl::string_view::npos ||
      !absl::SimpleAtoi(text->substr(place + before.size()), &number)) {
    return std::nullopt;
  }
  *text = text->substr(0, place);
  return number;
}

// clang: "file:line:column: severity: text", "lld: severity: text". NVRTC: "file(line): severity:
// text", "ptxas severity : text", "nvrtc: severity: text".
bool ReadDiagnostic(absl::string_view line, Diagnostic* diagnostic) {
  if (ReadMessage(line, diagnostic)) return true;
  // A file name may have a colon in it: the first one that a severity follows counts.
  for (std::size_t colon = line.find(": "); colon != absl::string_view::npos;
       colon = line.find(": ", colon + 1)) {
    absl::string_view place = line.substr(0, colon);
    if (!ReadMessage(line.substr(colon + 2), diagnostic)) continue;
    if (absl::ConsumeSuffix(&place, ")")) {
      const auto number = TakeNumber("(", &place);
      if (!number) continue;
      diagnostic->set_line(*number);
    } else if (const auto column = TakeNumber(":", &place); column.has_value()) {
      if (const auto number = TakeNumber(":", &place); number.has_value()) {
        diagnostic->set_line(*number);
        diagnostic->set_column(*column);
      } else {
        diagnostic->set_line(*column);
      }
    } else if (place == "lld" || place == "nvrtc" || place == "clang") {
      place = "";
    } else {
      continue;
    }
    diagnostic->set_file(std::string(place));
    return true;
  }
  return absl::ConsumePrefix(&line, "ptxas ") && ReadMessage(line, diagnostic);
}

// "/tmp/comgr-1/include/hip/x.h" is a header to the caller, wherever it was put.
std::string FileForCaller(absl::string_view file) {
  if (const std::size_t place = file.rfind("/include/"); place != absl::string_view::npos) {
    return absl::StrCat("<", file.substr(place + 9), ">");
  }
  return std::string(file.substr(file.rfind('/') + 1));
}

// What the host's compiler says of the same.
void Reword(Diagnostic* diagnostic) {
  absl::string_view message = diagnostic->message();
  std::string file;
  if (absl::EndsWith(message, "' file not found") && absl::ConsumePrefix(&message, "'")) {
    file = std::string(message.substr(0, message.rfind('\'')));
  } else if (absl::ConsumePrefix(&message, "could not open source file \"") ||
             absl::ConsumePrefix(&message, "cannot open source file \"")) {
    file = std::string(message.substr(0, message.rfind('"')));
  } else if (absl::StrContains(message, "': Permission denied") &&
             absl::ConsumePrefix(&message, "cannot open file '")) {
    file = std::string(message.substr(0, message.rfind("': ")));
  } else {
    return;
  }
  diagnostic->set_message(absl::StrCat("'", file, "' is not one of the runtime's headers"));
}

class LogReader {
 public:
  LogReader(const proto::CompileRequest& request, proto::CompileReply* reply)
      : file_name_(MakeValidUtf8(compiler_process::FileNameOf(request))),
        source_(absl::StrSplit(request.source(), '\n')),
        reply_(reply) {}

  void ReadLine(absl::string_view line);
  bool name_error() const { return name_error_; }

 private:
  void Add(Diagnostic diagnostic);
  bool IsOfSource(const Diagnostic& diagnostic) const { return diagnostic.file() == file_name_; }

  const std::string file_name_;
  const std::vector<absl::string_view> source_;
  proto::CompileReply* const reply_;
  Diagnostic* last_ = nullptr;  // may still get its column from a caret
  bool in_names_ = false;       // notes that belong to an error in a name expression
  bool name_error_ = false;
};

void LogReader::ReadLine(absl::string_view line) {
  Diagnostic diagnostic;
  // What a compiler quotes of the source is indented.
  if (!absl::StartsWith(line, " ") && !absl::StartsWith(line, "\t") &&
      ReadDiagnostic(line, &diagnostic)) {
    Add(std::move(diagnostic));
    return;
  }
  // NVRTC gives the column by a caret only, under the line which it indents by two.
  const absl::string_view caret = absl::StripAsciiWhitespace(line);
  if (last_ != nullptr && caret == "^" && line.find('^') >= 2) {
    if (last_->column() == 0) last_->set_column(static_cast<std::uint32_t>(line.find('^') - 1));
    last_ = nullptr;
  }
}

void LogReader::Add(Diagnostic diagnostic) {
  last_ = nullptr;
  const bool in_names = diagnostic.file() == kNamesFile || diagnostic.file() == kNvrtcNamesFile;
  if (in_names || (in_names_ && diagnostic.severity() == Diagnostic::NOTE)) {
    in_names_ = true;
    name_error_ = name_error_ || diagnostic.severity() >= Diagnostic::ERROR;
    return;
  }
  in_names_ = false;
  if (reply_->diagnostics_size() >= kMaxDiagnostics) return;
  diagnostic.set_message(
      MakeValidUtf8(absl::string_view(diagnostic.message()).substr(0, kMaxMessageBytes)));
  diagnostic.set_file(MakeValidUtf8(diagnostic.file()));
  Reword(&diagnostic);
  if (IsOfSource(diagnostic)) {
    if (diagnostic.line() >= 1 && diagnostic.line() <= source_.size()) {
      const absl::string_view text = absl::StripSuffix(source_[diagnostic.line() - 1], "\r");
      if (text.size() <= kMaxSourceLineBytes) diagnostic.set_source_line(MakeValidUtf8(text));
    }
  } else {
    diagnostic.set_file(FileForCaller(diagnostic.file()));
  }
  *reply_->add_diagnostics() = std::move(diagnostic);
  last_ = reply_->mutable_diagnostics(reply_->diagnostics_size() - 1);
}

}  // namespace

bool ParseCompileLog(absl::string_view log, const proto::CompileRequest& request,
                     proto::CompileReply* reply) {
  LogReader reader(request, reply);
  for (absl::string_view line : absl::StrSplit(log, '\n')) reader.ReadLine(line);
  return reader.name_error();
}

}  // namespace amdgpu::vendorcc
