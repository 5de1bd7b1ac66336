#include "gpu/host/compiler/diagnostics.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "clang/Basic/DiagnosticFrontend.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/LexDiagnostic.h"
#include "gpu/host/compiler/device_headers.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/JSON.h"

namespace amdgpu::hostcc {
namespace {

constexpr int kMaxDiagnostics = 100;
constexpr std::size_t kMaxSourceLine = 1000;  // bytes; a longer line is not quoted
constexpr std::size_t kMaxMessage = 4000;     // bytes

proto::Diagnostic::Severity SeverityOf(clang::DiagnosticsEngine::Level level) {
  switch (level) {
    case clang::DiagnosticsEngine::Fatal:
      return proto::Diagnostic::FATAL;
    case clang::DiagnosticsEngine::Error:
      return proto::Diagnostic::ERROR;
    case clang::DiagnosticsEngine::Warning:
      return proto::Diagnostic::WARNING;
    default:
      return proto::Diagnostic::NOTE;
  }
}

std::string MessageOf(const clang::Diagnostic& diagnostic) {
  if (diagnostic.getID() == clang::diag::err_pp_file_not_found && diagnostic.getNumArgs() > 0 &&
      diagnostic.getArgKind(0) == clang::DiagnosticsEngine::ak_std_string) {
    return absl::StrCat("'", diagnostic.getArgStdStr(0), "' is not one of the runtime's headers");
  }
  llvm::SmallString<256> text;
  diagnostic.FormatDiagnostic(text);
  return std::string(text);
}

// The whole line that `offset` is in, without its end.
absl::string_view LineAt(llvm::StringRef buffer, std::size_t offset) {
  std::size_t begin = offset;
  while (begin > 0 && buffer[begin - 1] != '\n') --begin;
  std::size_t end = offset;
  while (end < buffer.size() && buffer[end] != '\n') ++end;
  if (end > begin && buffer[end - 1] == '\r') --end;
  return absl::string_view(buffer.data() + begin, end - begin);
}

}  // namespace

void DiagnosticCollector::HandleDiagnostic(clang::DiagnosticsEngine::Level level,
                                           const clang::Diagnostic& diagnostic) {
  DiagnosticConsumer::HandleDiagnostic(level, diagnostic);
  if (level < clang::DiagnosticsEngine::Warning && holding_notes_) return;
  holding_notes_ = false;
  if (reply_->diagnostics_size() >= kMaxDiagnostics) return;

  proto::Diagnostic result;
  result.set_severity(SeverityOf(level));
  if (diagnostic.hasSourceManager() && diagnostic.getLocation().isValid()) {
    const clang::SourceManager& sources = diagnostic.getSourceManager();
    if (!Locate(sources, diagnostic.getLocation(), &result) &&
        level >= clang::DiagnosticsEngine::Error) {
      if (name_error_index_ < 0) {
        const auto [file, offset] =
            sources.getDecomposedLoc(sources.getFileLoc(diagnostic.getLocation()));
        name_error_index_ = static_cast<int>(sources.getLineNumber(file, offset)) - 1;
      }
      holding_notes_ = true;
      return;
    }
  }
  std::string message = ToUtf8(MessageOf(diagnostic));
  if (message.size() > kMaxMessage) message = ToUtf8(message.substr(0, kMaxMessage)) + "...";
  result.set_message(message);
  *reply_->add_diagnostics() = std::move(result);
}

bool DiagnosticCollector::Locate(const clang::SourceManager& sources,
                                 clang::SourceLocation location,
                                 proto::Diagnostic* diagnostic) const {
  const auto [file, offset] = sources.getDecomposedLoc(sources.getFileLoc(location));
  const auto entry = sources.getFileEntryRefForID(file);
  const std::string path = entry ? std::string(entry->getName()) : "";
  if (path == kNamesPath) return false;
  if (path == kSourcePath) {
    diagnostic->set_file(ToUtf8(file_name_));
    const absl::string_view line = LineAt(sources.getBufferData(file), offset);
    if (line.size() <= kMaxSourceLine) diagnostic->set_source_line(ToUtf8(line));
  } else if (path == kDefinesPath) {
    diagnostic->set_file("defines");
  } else if (absl::StartsWith(path, kHeaderRoot)) {
    diagnostic->set_file(absl::StrCat("<", path.substr(sizeof(kHeaderRoot)), ">"));
  } else {
    return true;
  }
  diagnostic->set_line(sources.getLineNumber(file, offset));
  diagnostic->set_column(sources.getColumnNumber(file, offset));
  return true;
}

void AddError(proto::CompileReply* reply, absl::string_view message) {
  proto::Diagnostic* diagnostic = reply->add_diagnostics();
  diagnostic->set_severity(proto::Diagnostic::ERROR);
  diagnostic->set_message(ToUtf8(message));
}

std::string ToUtf8(absl::string_view text) {
  return llvm::json::fixUTF8(llvm::StringRef(text.data(), text.size()));
}

std::string FormatDiagnostic(const proto::Diagnostic& diagnostic) {
  std::string text;
  if (!diagnostic.file().empty()) {
    absl::StrAppend(&text, diagnostic.file(), ":");
    if (diagnostic.line() > 0) absl::StrAppend(&text, diagnostic.line(), ":");
    if (diagnostic.column() > 0) absl::StrAppend(&text, diagnostic.column(), ":");
    text += ' ';
  }
  static constexpr const char* kSeverities[] = {"note", "warning", "error", "fatal error"};
  absl::StrAppend(&text, kSeverities[std::clamp<int>(diagnostic.severity(), 0, 3)], ": ",
                  diagnostic.message(), "\n");
  if (!diagnostic.source_line().empty() && diagnostic.column() > 0) {
    std::string indent;
    const std::size_t caret = diagnostic.column() - 1;
    for (std::size_t i = 0; i < std::min(caret, diagnostic.source_line().size()); ++i) {
      indent += diagnostic.source_line()[i] == '\t' ? '\t' : ' ';
    }
    absl::StrAppend(&text, "  ", diagnostic.source_line(), "\n  ", indent, "^\n");
  }
  return text;
}

}  // namespace amdgpu::hostcc
