#include "c_src/kernel/signature_merge.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace amdgpu {
namespace {

using proto::KernelInfo;
using proto::Param;

const KernelInfo* FindDeclared(const proto::HostCodeObject& declared, const KernelInfo& kernel) {
  const KernelInfo* by_symbol = nullptr;
  for (const KernelInfo& candidate : declared.kernels()) {
    if (candidate.name() == kernel.name()) return &candidate;
    if (candidate.symbol() == kernel.symbol()) by_symbol = &candidate;
  }
  return by_symbol;
}

// Empty if the declaration fits the object.
std::string Difference(const KernelInfo& declared, const KernelInfo& object) {
  if (declared.params_size() != object.params_size()) {
    return absl::StrCat("the source declares ", declared.params_size(),
                        " parameters, the code object has ", object.params_size());
  }
  for (int i = 0; i < object.params_size(); ++i) {
    const Param& said = declared.params(i);
    const Param& is = object.params(i);
    if (said.offset() != is.offset() || said.size() != is.size()) {
      return absl::StrCat("parameter ", i, " (", said.type(), ") is declared with ", said.size(),
                          " bytes at ", said.offset(), ", the code object has ", is.size(), " at ",
                          is.offset());
    }
    if (is.kind() == proto::PARAM_POINTER && said.kind() != proto::PARAM_POINTER) {
      return absl::StrCat("parameter ", i, " is declared as ", said.type(),
                          ", the code object has a pointer");
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> MergeSignatures(const proto::HostCodeObject& declared,
                                         proto::VendorCodeObject* object) {
  std::vector<std::string> differences;
  for (KernelInfo& kernel : *object->mutable_kernels()) {
    const KernelInfo* said = FindDeclared(declared, kernel);
    if (said == nullptr) continue;
    kernel.set_name(said->name());
    if (const std::string difference = Difference(*said, kernel); !difference.empty()) {
      differences.push_back(absl::StrCat("the types of the arguments of ", kernel.name(),
                                         " are not known: ", difference));
      continue;
    }
    *kernel.mutable_params() = said->params();
  }
  for (proto::GlobalInfo& global : *object->mutable_globals()) {
    const auto said = std::find_if(
        declared.globals().begin(), declared.globals().end(),
        [&](const proto::GlobalInfo& candidate) { return candidate.symbol() == global.symbol(); });
    if (said != declared.globals().end()) global.set_name(said->name());
  }
  return differences;
}

}  // namespace amdgpu
