#include "gpu/host/driver/runtime_table.h"

#include <dlfcn.h>

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gpu/host/driver/compiler_builtins.h"
#include "gpu/host/driver/device_print.h"
#include "gpu/host/runtime_symbols.h"

namespace amdgpu::host {
namespace {

using AddressMap = absl::flat_hash_map<std::string, std::uint64_t>;

template <typename Function>
std::uint64_t AddressOf(Function* function) {
  return reinterpret_cast<std::uint64_t>(function);
}

// The driver's own functions, in the order of kDriverFunctions.
AddressMap DriverFunctions() {
  return {
      {"memcpy", AddressOf(&memcpy)},
      {"memmove", AddressOf(&memmove)},
      {"memset", AddressOf(&memset)},
      {"memcmp", AddressOf(&memcmp)},
      {"bcmp", AddressOf(&memcmp)},
      {"memchr", AddressOf(static_cast<void* (*)(void*, int, std::size_t)>(&memchr))},
      {"strlen", AddressOf(&strlen)},
      {"strnlen", AddressOf(&strnlen)},
      {"strcmp", AddressOf(&strcmp)},
      {"strncmp", AddressOf(&strncmp)},
      {"printf", AddressOf(&AmdgpuDevicePrintf)},
      {"puts", AddressOf(&AmdgpuDevicePuts)},
      {"putchar", AddressOf(&AmdgpuDevicePutchar)},
      {"abort", AddressOf(&AmdgpuDeviceAbort)},
      {"__hd_assert_fail", AddressOf(&AmdgpuDeviceAssertFail)},
      {"__extendhfsf2", AddressOf(&__extendhfsf2)},
      {"__extendhfdf2", AddressOf(&__extendhfdf2)},
      {"__truncsfhf2", AddressOf(&__truncsfhf2)},
      {"__truncdfhf2", AddressOf(&__truncdfhf2)},
      {"__truncsfbf2", AddressOf(&TruncateToBFloat16)},
      {"__truncdfbf2", AddressOf(&TruncateDoubleToBFloat16)},
      {"__multi3", AddressOf(&__multi3)},
      {"__divti3", AddressOf(&__divti3)},
      {"__modti3", AddressOf(&__modti3)},
      {"__udivti3", AddressOf(&__udivti3)},
      {"__umodti3", AddressOf(&__umodti3)},
      {"__ashlti3", AddressOf(&__ashlti3)},
      {"__ashrti3", AddressOf(&__ashrti3)},
      {"__lshrti3", AddressOf(&__lshrti3)},
      {"__fixsfti", AddressOf(&__fixsfti)},
      {"__fixdfti", AddressOf(&__fixdfti)},
      {"__fixunssfti", AddressOf(&__fixunssfti)},
      {"__fixunsdfti", AddressOf(&__fixunsdfti)},
      {"__floattisf", AddressOf(&__floattisf)},
      {"__floattidf", AddressOf(&__floattidf)},
      {"__floatuntisf", AddressOf(&__floatuntisf)},
      {"__floatuntidf", AddressOf(&__floatuntidf)},
      {"__powisf2", AddressOf(&__powisf2)},
      {"__powidf2", AddressOf(&__powidf2)},
  };
}

// An open library, which stays open: its functions are called until the process ends.
class Library {
 public:
  static absl::StatusOr<Library> Open(const char* name) {
    void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      return absl::NotFoundError(absl::StrCat("cannot open ", name, ": ", dlerror()));
    }
    return Library(handle);
  }

  void AddTo(AddressMap& addresses, const std::string& symbol) const {
    if (void* address = dlsym(handle_, symbol.c_str()); address != nullptr) {
      addresses.emplace(symbol, reinterpret_cast<std::uint64_t>(address));
    }
  }

 private:
  explicit Library(void* handle) : handle_(handle) {}

  void* handle_;
};

std::string VectorSymbol(const VectorWidth& width, int lanes, const VectorMathFunction& function,
                         const char* suffix) {
  return absl::StrCat("_ZGV", std::string(1, width.isa), "N", lanes,
                      std::string(function.arguments), "_", std::string(function.name), suffix);
}

}  // namespace

absl::StatusOr<RuntimeTable> RuntimeTable::Resolve() {
  RuntimeTable table;
  table.addresses_ = DriverFunctions();

  absl::StatusOr<Library> libm = Library::Open("libm.so.6");
  if (!libm.ok()) return libm.status();
  for (const std::string_view name : kMathFunctions) {
    libm->AddTo(table.addresses_, std::string(name));
    libm->AddTo(table.addresses_, std::string(name) + "f");
  }

  absl::StatusOr<Library> libmvec = Library::Open("libmvec.so.1");
  if (!libmvec.ok()) return libmvec.status();
  for (const VectorMathFunction& function : kVectorMathFunctions) {
    for (const VectorWidth& width : kVectorWidths) {
      libmvec->AddTo(table.addresses_, VectorSymbol(width, width.doubles, function, ""));
      libmvec->AddTo(table.addresses_, VectorSymbol(width, 2 * width.doubles, function, "f"));
    }
  }
  return table;
}

std::uint64_t RuntimeTable::Find(absl::string_view name) const {
  const auto found = addresses_.find(name);
  return found == addresses_.end() ? 0 : found->second;
}

}  // namespace amdgpu::host
