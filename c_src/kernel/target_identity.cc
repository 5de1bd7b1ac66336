#include "c_src/kernel/target_identity.h"

#include <cpuid.h>

#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "c_src/kernel/sha256.h"

namespace amdgpu {
namespace {

constexpr std::uint32_t kOsXsave = 1u << 27;  // leaf 1, ecx

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers Cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

// The register states that the operating system saves: without them AVX and AMX cannot be used.
std::uint64_t EnabledStates() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
}

std::string ComputeIdentity() {
  const Registers vendor = Cpuid(0);
  const Registers model = Cpuid(1);
  const Registers features = Cpuid(7);
  const Registers more_features = Cpuid(7, 1);
  const Registers extended = Cpuid(0x80000001);
  // Not all of each leaf: leaf 1's ebx and others differ from core to core.
  const std::uint64_t facts[] = {
      vendor.ebx,
      vendor.ecx,
      vendor.edx,
      model.eax,
      model.ecx,
      model.edx,
      features.ebx,
      features.ecx,
      features.edx,
      more_features.eax,
      more_features.ebx,
      more_features.edx,
      extended.ecx,
      extended.edx,
      Cpuid(0x80000008).ebx,
      Cpuid(0xd, 1).eax,
      Cpuid(0x14).ebx,
      Cpuid(0x19).ebx,
      (model.ecx & kOsXsave) != 0 ? EnabledStates() : 0,
  };
  char name[12];
  std::memcpy(name, &vendor.ebx, 4);
  std::memcpy(name + 4, &vendor.edx, 4);
  std::memcpy(name + 8, &vendor.ecx, 4);
  Sha256 hash;
  hash.Update(absl::string_view(reinterpret_cast<const char*>(facts), sizeof(facts)));
  return absl::StrCat("x86_64-", absl::string_view(name, sizeof(name)), "-",
                      ToHex(hash.Finish()).substr(0, 16));
}

}  // namespace

const std::string& HostTargetIdentity() {
  static const auto* const identity = new std::string(ComputeIdentity());
  return *identity;
}

}  // namespace amdgpu
