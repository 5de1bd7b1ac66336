// Frames, written in formats that other programs read.

#ifndef AMDGPU_TELEMETRY_EXPORT_EXPORTER_H_
#define AMDGPU_TELEMETRY_EXPORT_EXPORTER_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

// Takes the bytes of the file, in order.
using Output = std::function<absl::Status(absl::string_view bytes)>;

// It is called with about so many.
inline constexpr std::size_t kExportChunkBytes = std::size_t{64} << 10;

// Frames in, in order; then Finish, once. Not thread-safe. Errors are those of the output, and
// stay.
class Exporter {
 public:
  virtual ~Exporter() = default;
  virtual absl::Status Add(const proto::Frame& frame) = 0;
  virtual absl::Status Finish() = 0;
};

// A Perfetto trace, for ui.perfetto.dev: a track for each stream with its launches and copies, GPU
// render stages with their shapes, a track for each Elixir process with an arrow to each launch,
// and counters of all values.
std::unique_ptr<Exporter> MakePerfettoExporter(Output output);
// The same as JSON, for chrome://tracing and whatever reads its format; without the render stages.
std::unique_ptr<Exporter> MakeChromeExporter(Output output);
// A line for each value that was read: unix_ns, device, metric, value.
std::unique_ptr<Exporter> MakeCsvExporter(Output output);
// A line for each launch.
std::unique_ptr<Exporter> MakeLaunchCsvExporter(Output output);

// By name: "perfetto", "chrome", "csv", "csv-launches". kInvalidArgument for others.
absl::StatusOr<std::unique_ptr<Exporter>> MakeExporter(absl::string_view format, Output output);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_EXPORT_EXPORTER_H_
