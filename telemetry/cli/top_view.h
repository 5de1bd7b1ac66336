// The screen of `amdgpu top` as lines of text. Knows no terminal.

#ifndef AMDGPU_TELEMETRY_CLI_TOP_VIEW_H_
#define AMDGPU_TELEMETRY_CLI_TOP_VIEW_H_

#include <string>
#include <vector>

#include "telemetry/cli/top_model.h"

namespace amdgpu::cli {

// What kernels are sorted by, the largest first; names go up.
enum class SortKey { kBusy, kLaunches, kP99, kBytes, kName };
// "busy", ...; and the one after it.
const char* SortName(SortKey key);
SortKey NextSort(SortKey key);

struct ViewOptions {
  int width = 80;
  int height = 24;
  SortKey sort = SortKey::kBusy;
  bool paused = false;
};

struct Line {
  enum class Style { kPlain, kTitle, kHeading, kFaint, kAlert };
  std::string text;  // at most `width` characters, UTF-8
  Style style = Style::kPlain;
};

// At most `height` lines: a title, the devices, as many kernels and owners as fit.
std::vector<Line> RenderTop(const Snapshot& snapshot, const ViewOptions& options);

// "1.5 GiB", "640 KiB", "0 B".
std::string HumanBytes(double bytes);
// "12.3 us", "4.0 ms": three digits.
std::string HumanTime(double ns);
// "1.25 M", "980": three digits.
std::string HumanNumber(double value);
// The text without what a terminal would obey, in `width` columns: cut, or filled with spaces.
std::string Fit(const std::string& text, int width);

}  // namespace amdgpu::cli

#endif  // AMDGPU_TELEMETRY_CLI_TOP_VIEW_H_
