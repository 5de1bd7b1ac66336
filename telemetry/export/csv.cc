// Tables as RFC 4180 has them: a header, lines that end with CRLF, quotes where they are needed.

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "telemetry/export/exporter.h"
#include "telemetry/export/timeline.h"
#include "telemetry/metrics.h"

namespace amdgpu::telemetry {
namespace {

std::string Field(absl::string_view text) {
  if (text.find_first_of("\",\r\n") == absl::string_view::npos) return std::string(text);
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

class CsvExporter : public Exporter {
 public:
  CsvExporter(Output output, absl::string_view header)
      : output_(std::move(output)), buffer_(absl::StrCat(header, "\r\n")) {}

  absl::Status Finish() override { return Flush(); }

 protected:
  template <typename... Fields>
  void Line(const Fields&... fields) {
    absl::string_view between;
    ((absl::StrAppend(&buffer_, between, fields), between = ","), ...);
    buffer_ += "\r\n";
  }
  absl::Status FlushIfFull() { return buffer_.size() >= kExportChunkBytes ? Flush() : status_; }

 private:
  absl::Status Flush() {
    if (!status_.ok()) return status_;
    status_ = output_(buffer_);
    buffer_.clear();
    return status_;
  }

  const Output output_;
  std::string buffer_;
  absl::Status status_;
};

class ValueCsvExporter final : public CsvExporter, private TimelineSink {
 public:
  explicit ValueCsvExporter(Output output)
      : CsvExporter(std::move(output), "unix_ns,device,device_name,metric,unit,value"),
        timeline_(this) {}

  absl::Status Add(const proto::Frame& frame) override {
    timeline_.Add(frame);
    return FlushIfFull();
  }

 private:
  void OnTrack(const Track& track) override {
    if (track.kind == Track::Kind::kDevice) names_[track.id] = Field(track.name);
  }
  void OnSlice(const Track&, const Slice&) override {}
  void OnMark(const Track&, absl::string_view, std::int64_t, std::uint64_t) override {}
  void OnCounter(const Track& track, std::int64_t time_ns, double value) override {
    Line(time_ns, track.device, names_[track.parent], Field(track.name), track.unit,
         absl::StrFormat("%.12g", value));
  }

  Timeline timeline_;
  absl::flat_hash_map<std::uint64_t, std::string> names_;
};

class LaunchCsvExporter final : public CsvExporter {
 public:
  explicit LaunchCsvExporter(Output output)
      : CsvExporter(
            std::move(output),
            "queued_ns,started_ns,ended_ns,frame_time_ns,frame_unix_ns,device,stream,ticket,"
            "kernel,core_class,process,process_name,label,grid_x,grid_y,grid_z,block_x,"
            "block_y,block_z,dynamic_shared_bytes,bytes,flops,occupancy,status") {}

  absl::Status Add(const proto::Frame& frame) override {
    absl::flat_hash_map<std::uint64_t, std::string> kernels;
    for (const proto::KernelStats& kernel : frame.kernels()) {
      kernels[kernel.kernel()] = Field(kernel.name());
    }
    absl::flat_hash_map<std::uint64_t, std::string> owners;
    for (const proto::Owner& owner : frame.owners()) {
      owners[owner.owner()] = absl::StrCat(Field(owner.process()), ",", Field(owner.name()));
    }
    for (const proto::Launch& launch : frame.launches()) {
      const auto owner = owners.find(launch.owner());
      Line(launch.queued_ns(), launch.started_ns(), launch.ended_ns(), frame.time_ns(),
           frame.unix_ns(), launch.device(), launch.stream(), launch.ticket(),
           kernels[launch.kernel()], CoreClassName(launch.core_class()),
           owner != owners.end() ? owner->second : ",", Field(launch.label()), Shape(launch.grid()),
           Shape(launch.block()), launch.dynamic_shared_bytes(), launch.bytes(), launch.flops(),
           absl::StrFormat("%.6g", launch.occupancy()), launch.status());
    }
    return FlushIfFull();
  }

 private:
  // Three fields.
  template <typename Sizes>
  static std::string Shape(const Sizes& sizes) {
    return sizes.size() == 3 ? absl::StrCat(sizes[0], ",", sizes[1], ",", sizes[2]) : ",,";
  }
};

}  // namespace

std::unique_ptr<Exporter> MakeCsvExporter(Output output) {
  return std::make_unique<ValueCsvExporter>(std::move(output));
}

std::unique_ptr<Exporter> MakeLaunchCsvExporter(Output output) {
  return std::make_unique<LaunchCsvExporter>(std::move(output));
}

absl::StatusOr<std::unique_ptr<Exporter>> MakeExporter(absl::string_view format, Output output) {
  if (format == "perfetto") return MakePerfettoExporter(std::move(output));
  if (format == "chrome") return MakeChromeExporter(std::move(output));
  if (format == "csv") return MakeCsvExporter(std::move(output));
  if (format == "csv-launches") return MakeLaunchCsvExporter(std::move(output));
  return absl::InvalidArgumentError(
      absl::StrCat("format: expected perfetto, chrome, csv or csv-launches, got ", format));
}

}  // namespace amdgpu::telemetry
