// clang's diagnostics as data.

#ifndef AMDGPU_GPU_HOST_COMPILER_DIAGNOSTICS_H_
#define AMDGPU_GPU_HOST_COMPILER_DIAGNOSTICS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/SourceManager.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

// Files of a compile, in the compiler's file system.
inline constexpr char kSourcePath[] = "/source/kernel.hip";  // the caller's text
inline constexpr char kDefinesPath[] = "/source/defines.h";  // the caller's defines
inline constexpr char kNamesPath[] = "/source/names.hip";    // the caller's name expressions
inline constexpr char kMainPath[] = "/source/main.hip";      // includes source and names

// Collects what clang reports, up to a limit. A line of source is attached only if it is of the
// caller's own text; a message never holds contents of a file, since no file is ever opened.
// Locations are physical: #line does not move them.
class DiagnosticCollector : public clang::DiagnosticConsumer {
 public:
  // Appends to `reply`. `file_name` is what the caller calls the source.
  DiagnosticCollector(absl::string_view file_name, proto::CompileReply* reply)
      : file_name_(file_name), reply_(reply) {}

  void HandleDiagnostic(clang::DiagnosticsEngine::Level level,
                        const clang::Diagnostic& diagnostic) override;

  // Sets file, line, column and source line of `diagnostic`, as far as they are the caller's to
  // see. False for a place in a name expression.
  bool Locate(const clang::SourceManager& sources, clang::SourceLocation location,
              proto::Diagnostic* diagnostic) const;

  // An error in one of the name expressions was held back: which one says `name_error_index`. The
  // frontend replaces it by one that lists the kernels there are.
  bool has_name_error() const { return name_error_index_ >= 0; }
  int name_error_index() const { return name_error_index_; }

 private:
  std::string file_name_;
  proto::CompileReply* reply_;
  int name_error_index_ = -1;
  bool holding_notes_ = false;  // notes that belong to a held back error
};

// Appends an error that clang did not find, without a place.
void AddError(proto::CompileReply* reply, absl::string_view message);

// `text` with every byte sequence that is not UTF-8 replaced: a protobuf string must be UTF-8.
std::string ToUtf8(absl::string_view text);

// For people: "kernel.hip:3:5: error: ..." with the line and a caret.
std::string FormatDiagnostic(const proto::Diagnostic& diagnostic);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_DIAGNOSTICS_H_
