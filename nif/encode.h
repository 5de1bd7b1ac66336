// C++ values into terms.

#ifndef AMDGPU_NIF_ENCODE_H_
#define AMDGPU_NIF_ENCODE_H_

#include <erl_nif.h>

#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "c_src/runtime/device.h"
#include "nif/decode.h"
#include "nif/open_device.h"

namespace amdgpu::nif {

ERL_NIF_TERM EncodeString(ErlNifEnv* env, absl::string_view text);
ERL_NIF_TERM EncodeMap(ErlNifEnv* env,
                       std::initializer_list<std::pair<ERL_NIF_TERM, ERL_NIF_TERM>> entries);
// What `encode` makes of each element of `range`.
template <typename Range, typename Encode>
ERL_NIF_TERM EncodeList(ErlNifEnv* env, const Range& range, Encode encode) {
  std::vector<ERL_NIF_TERM> terms;
  terms.reserve(range.size());
  for (const auto& element : range) terms.push_back(encode(element));
  return enif_make_list_from_array(env, terms.data(), static_cast<unsigned>(terms.size()));
}
ERL_NIF_TERM EncodeOk(ErlNifEnv* env, ERL_NIF_TERM value);
ERL_NIF_TERM EncodeDType(proto::DType type);
ERL_NIF_TERM EncodeDim3(ErlNifEnv* env, const gpu::Dim3& dim);
ERL_NIF_TERM EncodeDiagnostic(ErlNifEnv* env, const proto::Diagnostic& diagnostic);
ERL_NIF_TERM EncodeOrigin(CodeOrigin origin);

// {code, message, detail}: AMDGPU.Error.from_native/1 makes an exception of it. `device` turns
// owners into processes and may be null.
ERL_NIF_TERM EncodeStatus(ErlNifEnv* env, const absl::Status& status, const OpenDevice* device);
// {:error, EncodeStatus}; the bare atom :unavailable for kUnavailable, which means "wait, try
// again".
ERL_NIF_TERM EncodeError(ErlNifEnv* env, const absl::Status& status, const OpenDevice* device);
ERL_NIF_TERM EncodeResult(ErlNifEnv* env, const absl::Status& status, const OpenDevice* device);

// The error of a launch with `bad` in it.
ERL_NIF_TERM EncodeBadTerm(ErlNifEnv* env, const Kernel& kernel, const BadTerm& bad);

// Maps, with the fields' names as keys.
ERL_NIF_TERM EncodeProperties(ErlNifEnv* env, const gpu::Properties& properties);
ERL_NIF_TERM EncodeProbe(ErlNifEnv* env, const proto::ProbeReply& reply);
ERL_NIF_TERM EncodeOccupancy(ErlNifEnv* env, const proto::Occupancy& occupancy);
ERL_NIF_TERM EncodeKernelInfo(ErlNifEnv* env, const Kernel& kernel);
ERL_NIF_TERM EncodeMemory(ErlNifEnv* env, const MemoryReport& report, const OpenDevice& device);
ERL_NIF_TERM EncodeStats(ErlNifEnv* env, const DeviceStats& stats);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_ENCODE_H_
