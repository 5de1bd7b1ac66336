// A segment of a recording, as a file that somebody else has made or damaged. Behind a first byte
// of 1 comes one whose checksums are put right, which those of random bytes never are.

#include "telemetry/recorder/recording.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "c_src/base/unique_fd.h"
#include "telemetry/recorder/segment.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

namespace telemetry = amdgpu::telemetry;

std::uint32_t Crc32c(const char* bytes, std::size_t size) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes, size);
  return crc.checksum();
}

// The header of a segment, and behind it a block after the other, each as long as it says.
std::string WithChecksums(std::string bytes) {
  constexpr std::size_t kHeader = telemetry::kBlockHeaderBytes;
  std::string segment = telemetry::EncodeSegmentHeader(1) + std::move(bytes);
  std::size_t place = telemetry::kSegmentHeaderBytes;
  while (segment.size() - place >= kHeader) {
    char* const header = segment.data() + place;
    std::uint32_t stored;
    std::memcpy(header, "BLK1", 4);
    std::memcpy(&stored, header + 4, sizeof(stored));
    const std::size_t there = std::min<std::size_t>(stored, segment.size() - place - kHeader);
    const std::uint32_t of_payload = Crc32c(header + kHeader, there);
    std::memcpy(header + kHeader - 8, &of_payload, sizeof(of_payload));
    const std::uint32_t of_header = Crc32c(header, kHeader - 4);
    std::memcpy(header + kHeader - 4, &of_header, sizeof(of_header));
    place += kHeader + there;
  }
  return segment;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] == 1) bytes = WithChecksums(bytes.substr(1));
  const amdgpu::UniqueFd file(memfd_create("segment", MFD_CLOEXEC));
  if (write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return 0;
  auto recording = telemetry::Recording::Open(absl::StrCat("/proc/self/fd/", file.get()));
  if (!recording.ok()) return 0;
  std::string frame;
  std::uint64_t frames = 0;
  while (recording->Next(&frame)) ++frames;
  if (frames > recording->frames()) __builtin_trap();
  // What is whole is read; what is not is said.
  if (frames < recording->frames() && recording->damage().empty()) __builtin_trap();
  recording->Seek(recording->last_unix_ns());
  recording->Next(&frame);
  return 0;
}
