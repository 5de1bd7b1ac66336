#include "gpu/vendor/compiler/rtc_library.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gpu/vendor/library.h"

namespace amdgpu::vendorcc {
namespace {

using vendor::Library;

// $name/suffix, if the variable is set.
void AddBelow(const char* name, const char* suffix, std::vector<std::string>* directories) {
  const char* value = std::getenv(name);
  if (value != nullptr && *value != '\0') directories->push_back(absl::StrCat(value, suffix));
}

// The candidates, best first: each file name as the loader finds it and in each directory.
std::vector<std::string> Candidates(const char* chosen_by,
                                    std::initializer_list<const char*> file_names,
                                    const std::vector<std::string>& directories) {
  if (const char* chosen = std::getenv(chosen_by); chosen != nullptr && *chosen != '\0') {
    return {chosen};
  }
  std::vector<std::string> candidates;
  for (const char* name : file_names) {
    candidates.push_back(name);
    for (const std::string& directory : directories) {
      candidates.push_back(absl::StrCat(directory, "/", name));
    }
  }
  return candidates;
}

std::vector<std::string> HipDirectories() {
  std::vector<std::string> directories;
  for (const char* name : {"ROCM_PATH", "HIP_PATH"}) AddBelow(name, "/lib", &directories);
  directories.push_back("/opt/rocm/lib");
  return directories;
}

std::vector<std::string> CudaDirectories() {
  std::vector<std::string> directories;
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"}) AddBelow(name, "/lib64", &directories);
  directories.push_back("/usr/local/cuda/lib64");
  return directories;
}

// The last part of the file that `path` leads to: libraries write their whole version there.
std::string FileName(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return (error ? std::filesystem::path(path) : real).filename().string();
}

absl::Status FindFunctions(Library& library, absl::string_view prefix, RtcFunctions* functions) {
  const auto find = [&](auto** function, absl::string_view name, bool required = true) {
    const std::string full = absl::StrCat(prefix, name);
    if (required) {
      library.Require(function, {full.c_str()});
    } else {
      library.Optional(function, {full.c_str()});
    }
  };
  const bool amd = prefix == "hiprtc";
  find(&functions->create, "CreateProgram");
  find(&functions->destroy, "DestroyProgram");
  find(&functions->compile, "CompileProgram");
  find(&functions->add_name, "AddNameExpression");
  find(&functions->lowered_name, "GetLoweredName");
  find(&functions->log_size, "GetProgramLogSize");
  find(&functions->log, "GetProgramLog");
  find(&functions->code_size, amd ? "GetCodeSize" : "GetCUBINSize");
  find(&functions->code, amd ? "GetCode" : "GetCUBIN");
  find(&functions->version, "Version");
  find(&functions->error_text, "GetErrorString");
  if (!amd) {
    find(&functions->ptx_size, "GetPTXSize");
    find(&functions->ptx, "GetPTX");
  }
  return library.Complete();
}

// comgr is what hipRTC compiles with. It knows its processors; hipRTC ends the process when asked
// for another.
void AskComgr(RtcLibrary* rtc, std::string* version) {
  const absl::StatusOr<Library> comgr = Library::Open(
      Candidates("AMDGPU_COMGR_LIBRARY",
                 {"libamd_comgr.so.3", "libamd_comgr.so.2", "libamd_comgr.so"}, HipDirectories()));
  if (!comgr.ok()) return;
  Library library = *comgr;
  int (*count)(std::size_t*) = nullptr;
  int (*name)(std::size_t, const char**) = nullptr;
  void (*get_version)(std::size_t*, std::size_t*) = nullptr;
  library.Optional(&count, {"amd_comgr_get_isa_count"});
  library.Optional(&name, {"amd_comgr_get_isa_name"});
  library.Optional(&get_version, {"amd_comgr_get_version"});
  if (get_version != nullptr) {
    std::size_t major = 0;
    std::size_t minor = 0;
    get_version(&major, &minor);
    absl::StrAppend(version, ", comgr ", major, ".", minor);
  }
  std::size_t isas = 0;
  if (count == nullptr || name == nullptr || count(&isas) != 0) return;
  for (std::size_t i = 0; i < isas; ++i) {
    const char* isa = nullptr;
    if (name(i, &isa) != 0 || isa == nullptr) continue;
    absl::string_view arch = isa;  // "amdgcn-amd-amdhsa--gfx90a"
    arch.remove_prefix(std::min(arch.size(), arch.rfind('-') + 1));
    rtc->archs.push_back(std::string(arch));
  }
}

void AskNvrtc(Library& library, RtcLibrary* rtc) {
  int (*count)(int*) = nullptr;
  int (*get)(int*) = nullptr;
  library.Optional(&count, {"nvrtcGetNumSupportedArchs"});
  library.Optional(&get, {"nvrtcGetSupportedArchs"});
  int number = 0;
  if (count == nullptr || get == nullptr || count(&number) != 0 || number <= 0) return;
  std::vector<int> archs(static_cast<std::size_t>(number));
  if (get(archs.data()) != 0) return;
  for (int arch : archs) rtc->archs.push_back(absl::StrCat("sm_", arch));
}

absl::Status Missing(Vendor vendor, const absl::Status& why) {
  return absl::NotFoundError(
      vendor == Vendor::kAmd
          ? absl::StrCat("no hipRTC to compile for AMD GPUs with (Debian: apt install "
                         "libamdhip64-dev; or ROCm): ",
                         why.message())
          : absl::StrCat("no NVRTC to compile for NVIDIA GPUs with (it comes with the CUDA "
                         "toolkit): ",
                         why.message()));
}

}  // namespace

absl::StatusOr<RtcLibrary> OpenRtcLibrary(Vendor vendor) {
  const bool amd = vendor == Vendor::kAmd;
  const std::vector<std::string> candidates =
      amd ? Candidates("AMDGPU_HIPRTC_LIBRARY",
                       {"libhiprtc.so.7", "libhiprtc.so.6", "libhiprtc.so", "libamdhip64.so.6",
                        "libamdhip64.so.5", "libamdhip64.so"},
                       HipDirectories())
          : Candidates("AMDGPU_NVRTC_LIBRARY",
                       {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"},
                       CudaDirectories());
  absl::StatusOr<Library> library = Library::Open(candidates);
  if (!library.ok()) return Missing(vendor, library.status());
  RtcLibrary rtc;
  rtc.vendor = vendor;
  rtc.path = library->path();
  const absl::Status found = FindFunctions(*library, amd ? "hiprtc" : "nvrtc", &rtc.functions);
  if (!found.ok()) return Missing(vendor, found);
  int major = 0;
  int minor = 0;
  rtc.functions.version(&major, &minor);
  std::string details = FileName(rtc.path);
  if (amd) {
    AskComgr(&rtc, &details);
  } else {
    AskNvrtc(*library, &rtc);
  }
  rtc.version = absl::StrCat(amd ? "hipRTC " : "NVRTC ", major, ".", minor, " (", details, ")");
  return rtc;
}

}  // namespace amdgpu::vendorcc
