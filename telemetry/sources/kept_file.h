// A small file that is opened once and read over and over: /proc and sysfs, behind a sandbox.

#ifndef AMDGPU_TELEMETRY_SOURCES_KEPT_FILE_H_
#define AMDGPU_TELEMETRY_SOURCES_KEPT_FILE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "c_src/base/unique_fd.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

// What an error of open or read says about a value.
proto::Absence AbsenceOf(int error_number);

// One thread at a time.
class KeptFile {
 public:
  // Never fails: a file that does not open answers with the reason.
  explicit KeptFile(const std::string& path, std::size_t most_bytes = 4096);

  bool open() const { return fd_.valid(); }
  proto::Absence absence() const { return absence_; }

  // The contents, in one pread, cut at `most_bytes`; valid until the next call. Nothing, with
  // absence() saying why, if it cannot be read.
  std::optional<absl::string_view> Read();
  // The whole of it as one decimal number.
  std::optional<double> ReadNumber();

 private:
  UniqueFd fd_;
  proto::Absence absence_ = proto::ABSENCE_NONE;
  std::string buffer_;
};

// The contents of a file now, without a trailing newline; nothing if it cannot be read. For what is
// looked at once, when a source is made.
std::optional<std::string> ReadWholeFile(const std::string& path);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_KEPT_FILE_H_
