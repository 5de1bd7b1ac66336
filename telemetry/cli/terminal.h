// A terminal that is drawn on, over ncurses, which nobody else includes. One at a time.

#ifndef AMDGPU_TELEMETRY_CLI_TERMINAL_H_
#define AMDGPU_TELEMETRY_CLI_TERMINAL_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "telemetry/cli/top_view.h"

namespace amdgpu::cli {

class Terminal {
 public:
  // kFailedPrecondition if standard input or output is none, or of an unknown kind.
  static absl::StatusOr<std::unique_ptr<Terminal>> Open();
  // As it was before, the text on it too.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  int width() const;
  int height() const;
  void Draw(const std::vector<Line>& lines);
  // A key's character; 0 if none was pressed for so long, a signal came or the size changed.
  int ReadKey(int milliseconds);

 private:
  Terminal() = default;
};

}  // namespace amdgpu::cli

#endif  // AMDGPU_TELEMETRY_CLI_TERMINAL_H_
