// Which entry of a bundle a device runs (bundle.h has the rules).

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "c_src/kernel/bundle.h"
#include "gpu/host/abi.h"
#include "gpu/host/cpu_features.h"
#include "gpu/vendor/arch.h"
#include "proto/code_object.pb.h"

namespace amdgpu {
namespace {

// What the host lacks for the entry; empty: nothing.
std::string HostLacks(const proto::BundleEntry& entry) {
  proto::HostCodeObject code;
  if (!code.ParseFromString(entry.code_object())) return "it is damaged";
  if (code.abi_version() != host::kAbiVersion) return "it is of another version of the runtime";
  const std::string missing =
      host::MissingCpuFeatures({code.target_features().begin(), code.target_features().end()});
  if (missing.empty()) return "";
  return absl::StrCat("it was compiled for ", code.target_cpu(), ", and this CPU lacks ", missing);
}

// Greater is better; 0: it does not run there.
int RankAmd(absl::string_view target, absl::string_view arch) {
  if (!vendor::RunsOn(target, arch)) return 0;
  const auto features = static_cast<int>(std::count(target.begin(), target.end(), ':'));
  return (vendor::Processor(target) == vendor::Processor(arch) ? 100 : 1) + features;
}

int RankNvidia(absl::string_view target, absl::string_view arch) {
  if (!vendor::RunsOn(target, arch)) return 0;
  const bool ptx = absl::ConsumePrefix(&target, "compute_");
  if (!ptx) target = absl::StripPrefix(target, "sm_");
  int version = 0;
  if (!absl::SimpleAtoi(target.substr(0, target.find_first_not_of("0123456789")), &version)) {
    return 0;
  }
  // Of one version, code for it alone may use more of it.
  const bool specific = absl::EndsWith(target, "a") || absl::EndsWith(target, "f");
  return (ptx ? 0 : 100'000) + 2 * version + (specific ? 1 : 0);
}

int Rank(const proto::BundleEntry& entry, const BundleDevice& device) {
  if (device.host) return entry.target() == "host" && HostLacks(entry).empty() ? 1 : 0;
  if (absl::StartsWith(device.arch, "gfx")) return RankAmd(entry.target(), device.arch);
  return RankNvidia(entry.target(), device.arch);
}

}  // namespace

const proto::BundleEntry* SelectEntry(const proto::Bundle& bundle, const BundleDevice& device) {
  const proto::BundleEntry* best = nullptr;
  int best_rank = 0;
  for (const proto::BundleEntry& entry : bundle.entries()) {
    if (const int rank = Rank(entry, device); rank > best_rank) {
      best = &entry;
      best_rank = rank;
    }
  }
  return best;
}

std::string WhyNone(const proto::Bundle& bundle, const BundleDevice& device) {
  std::string why = absl::StrCat("no code of the bundle runs on ",
                                 device.host ? "this CPU" : device.arch, "; it has code for ");
  if (bundle.entries().empty()) absl::StrAppend(&why, "nothing");
  for (int i = 0; i < bundle.entries_size(); ++i) {
    const proto::BundleEntry& entry = bundle.entries(i);
    absl::StrAppend(&why, i == 0 ? "" : ", ", entry.target());
    if (device.host && entry.target() == "host") {
      absl::StrAppend(&why, " (", HostLacks(entry), ")");
    }
  }
  return why;
}

}  // namespace amdgpu
