// Bundle files. The first byte says how to take the rest: as a file, or as the payload of one whose
// checksum is right, which random bytes never are.

#include "c_src/kernel/bundle.h"

#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

void Select(const amdgpu::proto::Bundle& bundle) {
  for (const char* arch : {"", "gfx90a:sramecc+:xnack-", "gfx1100", "sm_90", "sm_", "gfx"}) {
    const amdgpu::BundleDevice device = {.host = *arch == '\0', .arch = arch};
    if (const auto* entry = amdgpu::SelectEntry(bundle, device); entry != nullptr) {
      (void)amdgpu::CodeOfEntry(*entry);
    } else {
      (void)amdgpu::WhyNone(bundle, device);
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Protobuf tells the terminal of every text that is not UTF-8.
  static const auto log = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(log);
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto bundle = amdgpu::DecodeBundle(bytes);
    if (bundle.ok()) Select(*bundle);
    return 0;
  }
  amdgpu::proto::Bundle bundle;
  if (!bundle.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return 0;
  const auto file = amdgpu::EncodeBundle(bundle);
  if (!file.ok()) return 0;
  const auto read = amdgpu::DecodeBundle(*file);
  if (!read.ok()) __builtin_trap();
  Select(*read);
  return 0;
}
