#include "telemetry/gateway/static_files.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace amdgpu::gateway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxHeld = 256;

constexpr std::pair<absl::string_view, absl::string_view> kTypes[] = {
    {".css", "text/css; charset=utf-8"},
    {".html", "text/html; charset=utf-8"},
    {".ico", "image/x-icon"},
    {".jpg", "image/jpeg"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".png", "image/png"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
    {".wasm", "application/wasm"},
    {".webmanifest", "application/manifest+json"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
};

}  // namespace

absl::string_view ContentType(absl::string_view name) {
  for (const auto& [ending, type] : kTypes) {
    if (absl::EndsWithIgnoreCase(name, ending)) return type;
  }
  return "application/octet-stream";
}

absl::StatusOr<StaticFiles> StaticFiles::Open(const std::string& directory) {
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  if (error) return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  if (!fs::is_directory(root, error)) {
    return absl::FailedPreconditionError(absl::StrCat(directory, " is not a directory"));
  }
  return StaticFiles(root);
}

absl::StatusOr<StaticFiles::File> StaticFiles::Get(absl::string_view path) {
  const absl::Status none = absl::NotFoundError("no such file");
  fs::path wanted = root_;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    // Also "." and "..".
    if (part[0] == '.' || part.find_first_of(absl::string_view("\\\0", 2)) != part.npos) {
      return none;
    }
    wanted /= std::string(part);
  }
  std::error_code error;
  if (fs::is_directory(wanted, error)) wanted /= "index.html";
  // Links are followed, but not out of the directory.
  const fs::path file = fs::canonical(wanted, error);
  if (error ||
      std::mismatch(root_.begin(), root_.end(), file.begin(), file.end()).first != root_.end() ||
      !fs::is_regular_file(file, error)) {
    return none;
  }
  const fs::file_time_type written = fs::last_write_time(file, error);
  const std::uintmax_t size = error ? 0 : fs::file_size(file, error);
  if (error || size > kMaxFileBytes) return none;
  Held& held = held_[file.string()];
  std::shared_ptr<const std::string> bytes = held.bytes.lock();
  if (bytes == nullptr || held.written != written || bytes->size() != size) {
    std::ifstream stream(file, std::ios::binary);
    std::string read(size, '\0');
    stream.read(read.data(), static_cast<std::streamsize>(size));
    if (!stream && size > 0) return none;
    bytes = std::make_shared<const std::string>(std::move(read));
    held = {bytes, written};
  }
  if (held_.size() > kMaxHeld) {
    for (auto entry = held_.begin(); entry != held_.end();) {
      entry = entry->second.bytes.expired() ? held_.erase(entry) : std::next(entry);
    }
  }
  return File{std::move(bytes), ContentType(file.string())};
}

}  // namespace amdgpu::gateway
