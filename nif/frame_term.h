// Protobuf messages as Elixir maps: how frames are decoded.

#ifndef AMDGPU_NIF_FRAME_TERM_H_
#define AMDGPU_NIF_FRAME_TERM_H_

#include <erl_nif.h>

#include "google/protobuf/message.h"

namespace amdgpu::nif {

// A map from field names to values: numbers, booleans and binaries; lists of repeated fields; enum
// values as atoms without their prefix, nil for the one that means nothing (unspecified, none);
// messages as maps, nil where one is absent; nil for floats that are no number. Every field is
// there.
ERL_NIF_TERM EncodeMessage(ErlNifEnv* env, const google::protobuf::Message& message);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_FRAME_TERM_H_
