#include "nif/atoms.h"

namespace amdgpu::nif {

Atoms atoms;

void MakeAtoms(ErlNifEnv* env) {
#define AMDGPU_NIF_ATOM(name, text) atoms.name = enif_make_atom(env, text);
  AMDGPU_NIF_ATOMS(AMDGPU_NIF_ATOM)
#undef AMDGPU_NIF_ATOM
}

}  // namespace amdgpu::nif
