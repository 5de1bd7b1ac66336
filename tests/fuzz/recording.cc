// A segment of a recording, as a file that somebody else has made or damaged.

#include "telemetry/recorder/recording.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "c_src/base/unique_fd.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const amdgpu::UniqueFd file(memfd_create("segment", MFD_CLOEXEC));
  if (write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  auto recording = amdgpu::telemetry::Recording::Open(absl::StrCat("/proc/self/fd/", file.get()));
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
