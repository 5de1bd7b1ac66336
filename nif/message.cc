#include "nif/message.h"

namespace amdgpu::nif {

void Message::Send(ERL_NIF_TERM term) { enif_send(nullptr, &to_, env_, term); }

}  // namespace amdgpu::nif
