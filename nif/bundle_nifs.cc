// Bundles: compiling for targets without a device, the file's bytes, loading from one. And kernels
// that are no source of ours: functions of a vendor's library.

#include <memory>
#include <string>
#include <utility>

#include "c_src/base/build_id.h"
#include "c_src/kernel/bundle.h"
#include "c_src/kernel/library_code.h"
#include "nif/atoms.h"
#include "nif/compile_request.h"
#include "nif/compiler.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/job_term.h"
#include "nif/message.h"
#include "nif/nifs.h"
#include "nif/resources.h"
#include "proto/code_object.pb.h"

namespace amdgpu::nif {
namespace {

absl::string_view Text(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// {:ok, code_object, warnings} or {:error, reason}.
ERL_NIF_TERM EncodeCompiled(ErlNifEnv* env, const CompileResult& result) {
  if (!result.code.ok()) return EncodeError(env, result.code.status(), nullptr);
  const CodeObject& code = **result.code;
  return enif_make_tuple3(
      env, atoms.ok, EncodeString(env, code.bytes),
      EncodeList(env, code.warnings, [env](const proto::Diagnostic& diagnostic) {
        return EncodeDiagnostic(env, diagnostic);
      }));
}

// The list of {target, code_object}.
bool DecodeEntries(ErlNifEnv* env, ERL_NIF_TERM list, proto::Bundle& bundle) {
  ERL_NIF_TERM entry;
  while (enif_get_list_cell(env, list, &entry, &list)) {
    int arity = 0;
    const ERL_NIF_TERM* pair = nullptr;
    if (!enif_get_tuple(env, entry, &arity, &pair) || arity != 2) return false;
    std::optional<std::string> target = DecodeString(env, pair[0]);
    std::optional<std::string> code = DecodeString(env, pair[1]);
    if (!target || !code) return false;
    proto::BundleEntry& added = *bundle.add_entries();
    added.set_target(*std::move(target));
    added.set_code_object(*std::move(code));
  }
  return true;
}

template <typename Object>
ERL_NIF_TERM EncodeKernelNames(ErlNifEnv* env, const std::string& bytes) {
  Object object;
  if (!object.ParseFromString(bytes)) return enif_make_list(env, 0);
  return EncodeList(env, object.kernels(), [env](const proto::KernelInfo& kernel) {
    return EncodeString(env, kernel.name());
  });
}

ERL_NIF_TERM EncodeEntry(ErlNifEnv* env, const proto::BundleEntry& entry) {
  const std::string& code = entry.code_object();
  return EncodeMap(env,
                   {{atoms.target, EncodeString(env, entry.target())},
                    {atoms.code_bytes, enif_make_uint64(env, code.size())},
                    {atoms.kernels, entry.target() == "host"
                                        ? EncodeKernelNames<proto::HostCodeObject>(env, code)
                                        : EncodeKernelNames<proto::VendorCodeObject>(env, code)}});
}

BundleDevice DeviceFor(const gpu::Properties& properties) {
  return {.host = properties.kind() == "host", .arch = properties.arch()};
}

}  // namespace

ERL_NIF_TERM BundleCompile(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  std::optional<proto::CompileRequest> request;
  if (enif_is_map(env, argv[0])) request = DecodeRequest(env, argv[0]);
  std::optional<std::string> target = DecodeString(env, argv[1]);
  ErlNifPid self;
  if (!request || !target || enif_self(env, &self) == nullptr) return enif_make_badarg(env);
  request->set_target(*target);
  const std::shared_ptr<CompileService> compiler = Compiler();
  if (compiler == nullptr) {
    return EncodeError(env, absl::FailedPreconditionError("no compiler was started"), nullptr);
  }
  auto message = std::make_shared<Message>(self);
  const ERL_NIF_TERM tag = enif_make_copy(message->env(), argv[2]);
  compiler->Compile(*std::move(request), [message, tag, target = *std::move(target)](
                                             const CompileResult& result) {
    ErlNifEnv* const to = message->env();
    message->Send(enif_make_tuple3(to, tag, EncodeString(to, target), EncodeCompiled(to, result)));
  });
  return atoms.ok;
}

ERL_NIF_TERM BundleEncode(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  std::optional<proto::CompileRequest> request;
  if (enif_is_map(env, argv[0])) request = DecodeRequest(env, argv[0]);
  const std::optional<std::string> core_class = DecodeString(env, argv[2]);
  const std::optional<bool> keep_source = DecodeBool(argv[3]);
  proto::Bundle bundle;
  if (!request || !core_class || !keep_source || !DecodeEntries(env, argv[1], bundle)) {
    return enif_make_badarg(env);
  }
  *bundle.mutable_request() = *std::move(request);
  if (!*keep_source) bundle.mutable_request()->clear_source();
  bundle.set_has_source(*keep_source);
  bundle.set_core_class(*core_class);
  bundle.set_build_id(std::string(BuildId()));
  const absl::StatusOr<std::string> bytes = EncodeBundle(bundle);
  if (!bytes.ok()) return EncodeError(env, bytes.status(), nullptr);
  return EncodeOk(env, EncodeString(env, *bytes));
}

ERL_NIF_TERM BundleInformation(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto bytes = DecodeBytes(env, argv[0]);
  if (!bytes) return enif_make_badarg(env);
  const absl::StatusOr<proto::Bundle> bundle = DecodeBundle(Text(*bytes));
  if (!bundle.ok()) return EncodeError(env, bundle.status(), nullptr);
  const auto encode_entry = [env](const proto::BundleEntry& entry) {
    return EncodeEntry(env, entry);
  };
  const auto encode_name = [env](const std::string& name) { return EncodeString(env, name); };
  return EncodeOk(
      env, EncodeMap(env, {{atoms.source, bundle->has_source()
                                              ? EncodeString(env, bundle->request().source())
                                              : atoms.nil},
                           {atoms.file_name, EncodeString(env, bundle->request().file_name())},
                           {atoms.names, EncodeList(env, bundle->request().names(), encode_name)},
                           {atoms.core, EncodeString(env, bundle->core_class())},
                           {atoms.targets, EncodeList(env, bundle->entries(), encode_entry)}}));
}

ERL_NIF_TERM KernelOfLibrary(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const resource = Resource<DeviceResource>::Get(env, argv[0]);
  const auto library = DecodeString(env, argv[1]);
  const auto name = DecodeString(env, argv[2]);
  const auto core_class = DecodeString(env, argv[3]);
  if (resource == nullptr || !library || !name || !core_class) return enif_make_badarg(env);
  const OpenDeviceRef& device = resource->device.get();
  if (device->device()->properties().kind() == "host") {
    return EncodeError(env, absl::NotFoundError("the host device uses no libraries"), device.get());
  }
  return EncodeOk(
      env, MakeJob(env, device,
                   device->device()->LoadKernel(LibraryCode(*library), {}, *name, *core_class)));
}

ERL_NIF_TERM KernelLoad(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const resource = Resource<DeviceResource>::Get(env, argv[0]);
  const auto bytes = DecodeBytes(env, argv[1]);
  const auto name = DecodeString(env, argv[2]);
  const auto core_class = DecodeString(env, argv[3]);
  const std::optional<bool> from_source = DecodeBool(argv[4]);
  if (resource == nullptr || !bytes || !name || !core_class || !from_source) {
    return enif_make_badarg(env);
  }
  absl::StatusOr<proto::Bundle> bundle = DecodeBundle(Text(*bytes));
  if (!bundle.ok()) return EncodeError(env, bundle.status(), nullptr);
  const OpenDeviceRef& device = resource->device.get();
  const BundleDevice runs_on = DeviceFor(device->device()->properties());
  const proto::BundleEntry* entry = *from_source ? nullptr : SelectEntry(*bundle, runs_on);
  if (entry == nullptr && !bundle->has_source()) {
    return EncodeError(env, absl::NotFoundError(WhyNone(*bundle, runs_on)), device.get());
  }
  JobRef job = entry == nullptr ? device->device()->Compile(bundle->request(), *name, *core_class,
                                                            device->CallerOf(env))
                                : device->device()->LoadKernel(
                                      CodeOfEntry(*entry), bundle->request(), *name, *core_class);
  return EncodeOk(env, MakeJob(env, device, std::move(job)));
}

}  // namespace amdgpu::nif
