#include "gpu/host/cpu_features.h"

#include <cpuid.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace amdgpu::host {
namespace {

// Where the processor says whether it has a feature, and what the operating system must do for it.
enum Register : std::uint8_t { kEax, kEbx, kEcx, kEdx };
enum Saved : std::uint8_t { kNothing, kAvx, kAvx512, kAmx };

struct Feature {
  const char* name;
  std::uint32_t leaf;
  std::uint32_t subleaf;
  Register in;
  std::uint32_t bit;
  Saved saved;
};

// As LLVM 19 finds them (TargetParser/Host.cpp).
constexpr std::uint32_t kExtended = 0x80000001;
constexpr Feature kFeatures[] = {
    {"cx8", 1, 0, kEdx, 8, kNothing},
    {"cmov", 1, 0, kEdx, 15, kNothing},
    {"mmx", 1, 0, kEdx, 23, kNothing},
    {"fxsr", 1, 0, kEdx, 24, kNothing},
    {"sse", 1, 0, kEdx, 25, kNothing},
    {"sse2", 1, 0, kEdx, 26, kNothing},
    {"sse3", 1, 0, kEcx, 0, kNothing},
    {"pclmul", 1, 0, kEcx, 1, kNothing},
    {"ssse3", 1, 0, kEcx, 9, kNothing},
    {"fma", 1, 0, kEcx, 12, kAvx},
    {"cx16", 1, 0, kEcx, 13, kNothing},
    {"sse4.1", 1, 0, kEcx, 19, kNothing},
    {"sse4.2", 1, 0, kEcx, 20, kNothing},
    {"crc32", 1, 0, kEcx, 20, kNothing},
    {"movbe", 1, 0, kEcx, 22, kNothing},
    {"popcnt", 1, 0, kEcx, 23, kNothing},
    {"aes", 1, 0, kEcx, 25, kNothing},
    {"xsave", 1, 0, kEcx, 26, kAvx},
    {"avx", 1, 0, kEcx, 28, kAvx},
    {"f16c", 1, 0, kEcx, 29, kAvx},
    {"rdrnd", 1, 0, kEcx, 30, kNothing},
    {"sahf", kExtended, 0, kEcx, 0, kNothing},
    {"lzcnt", kExtended, 0, kEcx, 5, kNothing},
    {"sse4a", kExtended, 0, kEcx, 6, kNothing},
    {"prfchw", kExtended, 0, kEcx, 8, kNothing},
    {"xop", kExtended, 0, kEcx, 11, kAvx},
    {"lwp", kExtended, 0, kEcx, 15, kNothing},
    {"fma4", kExtended, 0, kEcx, 16, kAvx},
    {"tbm", kExtended, 0, kEcx, 21, kNothing},
    {"mwaitx", kExtended, 0, kEcx, 29, kNothing},
    {"64bit", kExtended, 0, kEdx, 29, kNothing},
    {"clzero", 0x80000008, 0, kEbx, 0, kNothing},
    {"rdpru", 0x80000008, 0, kEbx, 4, kNothing},
    {"wbnoinvd", 0x80000008, 0, kEbx, 9, kNothing},
    {"fsgsbase", 7, 0, kEbx, 0, kNothing},
    {"sgx", 7, 0, kEbx, 2, kNothing},
    {"bmi", 7, 0, kEbx, 3, kNothing},
    {"avx2", 7, 0, kEbx, 5, kAvx},
    {"bmi2", 7, 0, kEbx, 8, kNothing},
    {"invpcid", 7, 0, kEbx, 10, kNothing},
    {"rtm", 7, 0, kEbx, 11, kNothing},
    {"avx512f", 7, 0, kEbx, 16, kAvx512},
    {"evex512", 7, 0, kEbx, 16, kAvx512},
    {"avx512dq", 7, 0, kEbx, 17, kAvx512},
    {"rdseed", 7, 0, kEbx, 18, kNothing},
    {"adx", 7, 0, kEbx, 19, kNothing},
    {"avx512ifma", 7, 0, kEbx, 21, kAvx512},
    {"clflushopt", 7, 0, kEbx, 23, kNothing},
    {"clwb", 7, 0, kEbx, 24, kNothing},
    {"avx512cd", 7, 0, kEbx, 28, kAvx512},
    {"sha", 7, 0, kEbx, 29, kNothing},
    {"avx512bw", 7, 0, kEbx, 30, kAvx512},
    {"avx512vl", 7, 0, kEbx, 31, kAvx512},
    {"avx512vbmi", 7, 0, kEcx, 1, kAvx512},
    {"pku", 7, 0, kEcx, 4, kNothing},
    {"waitpkg", 7, 0, kEcx, 5, kNothing},
    {"avx512vbmi2", 7, 0, kEcx, 6, kAvx512},
    {"shstk", 7, 0, kEcx, 7, kNothing},
    {"gfni", 7, 0, kEcx, 8, kNothing},
    {"vaes", 7, 0, kEcx, 9, kAvx},
    {"vpclmulqdq", 7, 0, kEcx, 10, kAvx},
    {"avx512vnni", 7, 0, kEcx, 11, kAvx512},
    {"avx512bitalg", 7, 0, kEcx, 12, kAvx512},
    {"avx512vpopcntdq", 7, 0, kEcx, 14, kAvx512},
    {"rdpid", 7, 0, kEcx, 22, kNothing},
    {"kl", 7, 0, kEcx, 23, kNothing},
    {"cldemote", 7, 0, kEcx, 25, kNothing},
    {"movdiri", 7, 0, kEcx, 27, kNothing},
    {"movdir64b", 7, 0, kEcx, 28, kNothing},
    {"enqcmd", 7, 0, kEcx, 29, kNothing},
    {"uintr", 7, 0, kEdx, 5, kNothing},
    {"avx512vp2intersect", 7, 0, kEdx, 8, kAvx512},
    {"serialize", 7, 0, kEdx, 14, kNothing},
    {"tsxldtrk", 7, 0, kEdx, 16, kNothing},
    {"pconfig", 7, 0, kEdx, 18, kNothing},
    {"amx-bf16", 7, 0, kEdx, 22, kAmx},
    {"avx512fp16", 7, 0, kEdx, 23, kAvx512},
    {"amx-tile", 7, 0, kEdx, 24, kAmx},
    {"amx-int8", 7, 0, kEdx, 25, kAmx},
    {"sha512", 7, 1, kEax, 0, kAvx},
    {"sm3", 7, 1, kEax, 1, kAvx},
    {"sm4", 7, 1, kEax, 2, kAvx},
    {"raoint", 7, 1, kEax, 3, kNothing},
    {"avxvnni", 7, 1, kEax, 4, kAvx},
    {"avx512bf16", 7, 1, kEax, 5, kAvx512},
    {"cmpccxadd", 7, 1, kEax, 7, kNothing},
    {"amx-fp16", 7, 1, kEax, 21, kAmx},
    {"hreset", 7, 1, kEax, 22, kNothing},
    {"avxifma", 7, 1, kEax, 23, kAvx},
    {"avxvnniint8", 7, 1, kEdx, 4, kAvx},
    {"avxneconvert", 7, 1, kEdx, 5, kAvx},
    {"amx-complex", 7, 1, kEdx, 8, kAmx},
    {"avxvnniint16", 7, 1, kEdx, 10, kAvx},
    {"prefetchi", 7, 1, kEdx, 14, kNothing},
    {"usermsr", 7, 1, kEdx, 15, kNothing},
    {"xsaveopt", 0xd, 1, kEax, 0, kAvx},
    {"xsavec", 0xd, 1, kEax, 1, kAvx},
    {"xsaves", 0xd, 1, kEax, 3, kAvx},
    {"ptwrite", 0x14, 0, kEbx, 4, kNothing},
    {"widekl", 0x19, 0, kEbx, 2, kNothing},
};

// The processor's answer; zeroes for a leaf that it does not have.
struct Answer {
  std::uint32_t registers[4] = {};  // by Register
};

Answer Ask(std::uint32_t leaf, std::uint32_t subleaf) {
  Answer answer;
  std::uint32_t* r = answer.registers;
  if (subleaf > 0) {
    // How many there are is in the first one; leaf 13 has its second wherever it is.
    if (!__get_cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3])) return {};
    if (leaf == 7 && r[0] < subleaf) return {};
  }
  if (!__get_cpuid_count(leaf, subleaf, &r[0], &r[1], &r[2], &r[3])) return {};
  return answer;
}

// The register states that the operating system saves, without which AVX and AMX cannot be used.
std::uint32_t SavedStates() {
  constexpr std::uint32_t kOsXsave = 1u << 27;
  if ((Ask(1, 0).registers[kEcx] & kOsXsave) == 0) return 0;
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::vector<std::string> FindFeatures() {
  const std::uint32_t states = SavedStates();
  const auto are_saved = [states](Saved saved) {
    constexpr std::uint32_t kMasks[] = {0, 0x6, 0xe6, 0x60000};
    return (states & kMasks[saved]) == kMasks[saved];
  };
  std::vector<std::string> features;
  for (const Feature& feature : kFeatures) {
    const std::uint32_t value = Ask(feature.leaf, feature.subleaf).registers[feature.in];
    if ((value >> feature.bit & 1) != 0 && are_saved(feature.saved)) {
      features.push_back(feature.name);
    }
  }
  std::sort(features.begin(), features.end());
  return features;
}

}  // namespace

const std::vector<std::string>& CpuFeatures() {
  static const auto* const features = new std::vector<std::string>(FindFeatures());
  return *features;
}

bool IsKnownCpuFeature(absl::string_view name) {
  return std::any_of(std::begin(kFeatures), std::end(kFeatures),
                     [name](const Feature& feature) { return name == feature.name; });
}

std::string MissingCpuFeatures(const std::vector<std::string>& features) {
  std::string missing;
  for (const std::string& feature : features) {
    if (std::binary_search(CpuFeatures().begin(), CpuFeatures().end(), feature)) continue;
    absl::StrAppend(&missing, missing.empty() ? "" : ", ", feature);
  }
  return missing;
}

}  // namespace amdgpu::host
