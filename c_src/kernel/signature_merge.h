// The signatures of a GPU's kernels, from two witnesses.
//
// A code object is the authority on where arguments lie, and says little of what they are: sizes,
// and at AMD which are pointers. The source says what they are: names, element types, what is only
// read. So the host's compiler is asked for the source's declarations, and what it says is believed
// where it agrees with the object on number, offsets and sizes. Where it does not, or where it
// could not read the source, arguments stay as the object has them: a PARAM_OPAQUE accepts an
// integer, a float or a buffer as given.

#ifndef AMDGPU_C_SRC_KERNEL_SIGNATURE_MERGE_H_
#define AMDGPU_C_SRC_KERNEL_SIGNATURE_MERGE_H_

#include <string>
#include <vector>

#include "proto/code_object.pb.h"

namespace amdgpu {

// Completes the kernels and variables of `object` by those of `declared` (the reply to a request
// for signatures alone). Kernels meet by name, or by symbol. Returns a sentence for each kernel
// whose declaration does not fit its object.
std::vector<std::string> MergeSignatures(const proto::HostCodeObject& declared,
                                         proto::VendorCodeObject* object);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_SIGNATURE_MERGE_H_
