#include "telemetry/sources/kept_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace amdgpu::telemetry {

proto::Absence AbsenceOf(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return proto::ABSENCE_MISSING;
    case EACCES:
    case EPERM:
      return proto::ABSENCE_FORBIDDEN;
    case EOPNOTSUPP:
    case ENODATA:
    case ENOSYS:
      return proto::ABSENCE_UNSUPPORTED;
    default:
      return proto::ABSENCE_FAILED;
  }
}

KeptFile::KeptFile(const std::string& path, std::size_t most_bytes)
    : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!fd_.valid()) absence_ = AbsenceOf(errno);
  buffer_.resize(most_bytes);
}

std::optional<absl::string_view> KeptFile::Read() {
  if (!fd_.valid()) return std::nullopt;
  const ssize_t bytes = pread(fd_.get(), buffer_.data(), buffer_.size(), 0);
  if (bytes < 0) {
    absence_ = AbsenceOf(errno);
    return std::nullopt;
  }
  absence_ = proto::ABSENCE_NONE;
  return absl::string_view(buffer_.data(), static_cast<std::size_t>(bytes));
}

std::optional<double> KeptFile::ReadNumber() {
  const std::optional<absl::string_view> text = Read();
  if (!text.has_value()) return std::nullopt;
  double number;
  if (!absl::SimpleAtod(absl::StripAsciiWhitespace(*text), &number)) {
    absence_ = proto::ABSENCE_NONSENSE;
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> ReadWholeFile(const std::string& path) {
  KeptFile file(path, 64 << 10);
  const std::optional<absl::string_view> text = file.Read();
  if (!text.has_value()) return std::nullopt;
  return std::string(absl::StripTrailingAsciiWhitespace(*text));
}

}  // namespace amdgpu::telemetry
