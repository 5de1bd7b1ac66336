// The files of a directory, for browsers. Nothing outside it, no hidden files, no listings.

#ifndef AMDGPU_TELEMETRY_GATEWAY_STATIC_FILES_H_
#define AMDGPU_TELEMETRY_GATEWAY_STATIC_FILES_H_

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::gateway {

// By the name's ending; "application/octet-stream" for others.
absl::string_view ContentType(absl::string_view name);

// One thread at a time.
class StaticFiles {
 public:
  static constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{32} << 20;

  struct File {
    std::shared_ptr<const std::string> bytes;
    absl::string_view content_type;
  };

  // kNotFound, kFailedPrecondition if it is no directory that can be read.
  static absl::StatusOr<StaticFiles> Open(const std::string& directory);

  // `path` is decoded and begins with '/'; a directory means its index.html. kNotFound for all that
  // is not a file inside. Who asks for a file while another still holds it shares its bytes.
  absl::StatusOr<File> Get(absl::string_view path);

 private:
  explicit StaticFiles(std::filesystem::path root) : root_(std::move(root)) {}

  struct Held {
    std::weak_ptr<const std::string> bytes;
    std::filesystem::file_time_type written;
  };

  std::filesystem::path root_;  // canonical
  std::unordered_map<std::string, Held> held_;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_STATIC_FILES_H_
