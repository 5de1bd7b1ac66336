// Bundles: one file with a source's code for several targets, its signatures and options, and the
// source itself, so that a release needs no compiler.
//
//   magic | format | header bytes | payload bytes | SHA-256 | payload
//
// The digest covers every byte but its own; the payload is a serialized proto::Bundle. Numbers are
// little-endian. A file is whole and unchanged or it is refused.

#ifndef AMDGPU_C_SRC_KERNEL_BUNDLE_H_
#define AMDGPU_C_SRC_KERNEL_BUNDLE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/kernel/compile_service.h"
#include "proto/bundle.pb.h"

namespace amdgpu {

// Largest file that is written or read.
inline constexpr std::uint64_t kMaxBundleBytes = std::uint64_t{1} << 30;

// kInvalidArgument: two entries for one target, or too large.
absl::StatusOr<std::string> EncodeBundle(const proto::Bundle& bundle);

// kInvalidArgument: not a bundle; kDataLoss: truncated, padded or changed; kFailedPrecondition: of
// a later format.
absl::StatusOr<proto::Bundle> DecodeBundle(absl::string_view bytes);

// What code may run on.
struct BundleDevice {
  bool host = false;
  std::string arch;  // of a GPU: "gfx90a:sramecc+:xnack-", "sm_90"
};

// The entry that is best for the device, or null. Rules, best first:
//   host    an entry for "host" whose interface is ours and whose CPU features this CPU has
//   AMD     the device's own processor, with as many of its features named as possible; then a
//           generic processor that covers it. A feature that the code names (xnack, sramecc) must
//           be set on the device as the code has it; one that it does not name fits either way
//   NVIDIA  machine code of the device's version; of an earlier minor version of the same major
//           one, the latest; PTX of the device's version or an earlier one, the latest. What is for
//           one version alone (sm_90a) runs on that one
const proto::BundleEntry* SelectEntry(const proto::Bundle& bundle, const BundleDevice& device);

// Why there is none: what the bundle has and what the device is.
std::string WhyNone(const proto::Bundle& bundle, const BundleDevice& device);

// An entry's code for Device::LoadKernel; its key is the hash of the bytes.
CodeObjectRef CodeOfEntry(const proto::BundleEntry& entry);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_BUNDLE_H_
