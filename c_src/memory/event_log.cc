#include "c_src/memory/event_log.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

// CLOEXEC, so that no child process inherits the log.
constexpr char kWriteMode[] = "wbe";
constexpr char kReadMode[] = "rbe";

absl::Status CheckHeader(const LogHeader& header, const std::string& path) {
  if (header.magic != kLogMagic) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a log of memory events"));
  }
  if (header.version != kLogVersion || header.record_bytes != sizeof(LogRecord) ||
      header.granule_bytes != kGranuleBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a log of version ", header.version,
                                                   ", this build reads version ", kLogVersion));
  }
  return absl::OkStatus();
}

bool IsKnown(LogKind kind) { return kind >= LogKind::kRegionAdded && kind <= LogKind::kReassigned; }

}  // namespace

absl::StatusOr<std::unique_ptr<LogWriter>> LogWriter::Create(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), kWriteMode);
  if (file == nullptr) return ErrnoError(errno, absl::StrCat("creating ", path));
  auto writer = std::unique_ptr<LogWriter>(new LogWriter(file));
  LogHeader header;
  header.record_bytes = sizeof(LogRecord);
  if (std::fwrite(&header, sizeof(header), 1, file) != 1) {
    return ErrnoError(errno, absl::StrCat("writing to ", path));
  }
  return writer;
}

LogWriter::~LogWriter() {
  if (file_ != nullptr) std::fclose(file_);
}

void LogWriter::Append(const LogRecord& record) {
  if (!status_.ok()) return;
  if (std::fwrite(&record, sizeof(record), 1, file_) != 1) {
    status_ = ErrnoError(errno, "writing the log of memory events");
  }
}

absl::Status LogWriter::Close() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0 && status_.ok()) {
    status_ = ErrnoError(errno, "closing the log of memory events");
  }
  return status_;
}

absl::StatusOr<std::vector<LogRecord>> ReadLog(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), kReadMode);
  if (file == nullptr) return ErrnoError(errno, absl::StrCat("opening ", path));
  const absl::Cleanup close = [file] { std::fclose(file); };
  LogHeader header;
  header.magic = 0;
  if (std::fread(&header, sizeof(header), 1, file) != 1) header.magic = 0;
  if (absl::Status status = CheckHeader(header, path); !status.ok()) return status;

  std::vector<LogRecord> records;
  LogRecord record;
  while (std::fread(&record, sizeof(record), 1, file) == 1) {
    if (!IsKnown(record.kind)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": record ", records.size(),
                                                     " is of unknown kind ",
                                                     static_cast<int>(record.kind)));
    }
    records.push_back(record);
  }
  if (std::ferror(file) != 0) return ErrnoError(EIO, absl::StrCat("reading ", path));
  return records;
}

}  // namespace amdgpu
