// Every atom that crosses the boundary, made once when the library is loaded.

#ifndef AMDGPU_NIF_ATOMS_H_
#define AMDGPU_NIF_ATOMS_H_

#include <erl_nif.h>

namespace amdgpu::nif {

// X(name in C++, name in Erlang)
// clang-format off
#define AMDGPU_NIF_ATOMS(X) \
  X(ok, "ok") X(error, "error") X(nil, "nil") X(true_, "true") X(false_, "false") \
  X(done, "done") X(pending, "pending") X(wait, "wait") X(unavailable, "unavailable") \
  X(upload, "upload") X(download, "download") \
  X(ref, "ref") X(infinity, "infinity") X(neg_infinity, "neg_infinity") X(nan, "nan") \
  /* options of a launch */ \
  X(grid, "grid") X(block, "block") X(shared, "shared") X(stream, "stream") \
  X(timeout, "timeout") X(label, "label") X(flops, "flops") \
  /* element types */ \
  X(i8, "i8") X(u8, "u8") X(i16, "i16") X(u16, "u16") X(i32, "i32") X(u32, "u32") X(i64, "i64") \
  X(u64, "u64") X(f16, "f16") X(bf16, "bf16") X(f32, "f32") X(f64, "f64") X(bool_, "bool") \
  /* messages */ \
  X(amdgpu_worker_exit, "amdgpu_worker_exit") X(amdgpu_print, "amdgpu_print") \
  X(amdgpu_frames, "amdgpu_frames") X(amdgpu_owner, "amdgpu_owner") \
  /* status codes */ \
  X(cancelled, "cancelled") X(unknown, "unknown") X(invalid_argument, "invalid_argument") \
  X(deadline_exceeded, "deadline_exceeded") X(not_found, "not_found") \
  X(already_exists, "already_exists") X(permission_denied, "permission_denied") \
  X(resource_exhausted, "resource_exhausted") X(failed_precondition, "failed_precondition") \
  X(aborted, "aborted") X(out_of_range, "out_of_range") X(unimplemented, "unimplemented") \
  X(internal, "internal") X(data_loss, "data_loss") X(unauthenticated, "unauthenticated") \
  /* details of errors */ \
  X(compile, "compile") X(launch, "launch") X(out_of_memory, "out_of_memory") X(fault, "fault") \
  X(device_lost, "device_lost") X(source_error, "source_error") X(crashed, "crashed") \
  X(timed_out, "timed_out") X(output_too_large, "output_too_large") X(refused, "refused") \
  X(note, "note") X(warning, "warning") X(fatal, "fatal") X(asked, "asked") X(free, "free") \
  X(limit, "limit") X(limited_by, "limited_by") X(holders, "holders") X(kernel, "kernel") \
  X(signal, "signal") X(signal_name, "signal_name") X(address, "address") X(buffer, "buffer") \
  X(message, "message") \
  /* where a kernel came from */ \
  X(memory, "memory") X(disk, "disk") X(compiled, "compiled") \
  /* kernel information */ \
  X(name, "name") X(symbol, "symbol") X(params, "params") X(core, "core") X(key, "key") \
  X(static_shared_bytes, "static_shared_bytes") X(uses_dynamic_shared, "uses_dynamic_shared") \
  X(max_threads_per_block, "max_threads_per_block") X(warnings, "warnings") \
  X(specialised_shapes, "specialised_shapes") X(type, "type") X(kind, "kind") X(dtype, "dtype") \
  X(read_only, "read_only") X(size, "size") X(lanes, "lanes") X(scalar, "scalar") \
  X(pointer, "pointer") X(aggregate, "aggregate") X(opaque, "opaque") \
  X(code_bytes, "code_bytes") X(term, "term") \
  /* compile requests */ \
  X(source, "source") X(file_name, "file_name") X(names, "names") X(defines, "defines") \
  X(std_, "std") X(strict_math, "strict_math") X(optimization, "optimization") \
  X(timeout_ms, "timeout_ms") \
  /* bundles */ \
  X(bundle, "bundle") X(targets, "targets") X(target, "target") X(kernels, "kernels") \
  /* options of a device and of the compiler */ \
  X(index, "index") X(worker_path, "worker_path") X(memory_limit, "memory_limit") \
  X(owner_limit, "owner_limit") X(slab_bytes, "slab_bytes") X(threads, "threads") \
  X(specialise, "specialise") X(allocation_log, "allocation_log") \
  X(compiler_path, "compiler_path") X(vendor_compiler_path, "vendor_compiler_path") \
  X(cache_dir, "cache_dir") X(use_disk, "use_disk") X(disk_limit, "disk_limit") \
  /* properties of a device */ \
  X(arch, "arch") X(compute_units, "compute_units") X(warp_size, "warp_size") \
  X(max_block, "max_block") X(max_grid, "max_grid") X(max_grid_threads, "max_grid_threads") \
  X(max_shared_bytes, "max_shared_bytes") X(memory_bytes, "memory_bytes") \
  X(host_visible, "host_visible") X(clock_khz, "clock_khz") X(pci_address, "pci_address") \
  X(memory_clock_khz, "memory_clock_khz") X(uuid, "uuid") X(driver_version, "driver_version") \
  X(runtime_version, "runtime_version") X(threads_per_unit, "threads_per_unit") \
  X(registers_per_unit, "registers_per_unit") X(shared_bytes_per_unit, "shared_bytes_per_unit") \
  X(registers_per_block, "registers_per_block") X(memory_bus_bits, "memory_bus_bits") \
  X(l2_bytes, "l2_bytes") X(ecc, "ecc") X(integrated, "integrated") \
  X(matrix_instructions, "matrix_instructions") \
  /* what a machine has */ \
  X(library, "library") X(library_version, "library_version") X(devices, "devices") \
  X(version, "version") X(problem, "problem") X(nodes, "nodes") X(path, "path") X(usable, "usable") X(group, "group") \
  /* what kernels need */ \
  X(registers, "registers") X(local_bytes, "local_bytes") \
  X(blocks_per_unit, "blocks_per_unit") X(ratio, "ratio") X(best_ratio, "best_ratio") \
  X(suggested_block_threads, "suggested_block_threads") \
  /* reports */ \
  X(reserved, "reserved") X(used, "used") X(requested, "requested") X(peak, "peak") \
  X(largest_free, "largest_free") X(fragmentation_ratio, "fragmentation_ratio") \
  X(pool_count, "pool_count") X(allocations, "allocations") X(frees, "frees") \
  X(owners, "owners") X(launches, "launches") X(in_flight, "in_flight") X(restarts, "restarts") \
  X(specialised_launches, "specialised_launches") X(worker_pid, "worker_pid") \
  X(memory_hits, "memory_hits") X(disk_hits, "disk_hits") X(failed, "failed") \
  X(joined, "joined") X(crashes, "crashes") X(disk_errors, "disk_errors") \
  X(disk_bytes, "disk_bytes") X(live, "live") X(owner, "owner") X(elements, "elements") \
  X(bytes, "bytes") \
  /* recordings */ \
  X(segments, "segments") X(frames, "frames") X(dropped, "dropped") X(oldest_ns, "oldest_ns") \
  X(newest_ns, "newest_ns") X(ended, "ended") X(given, "given") X(position_ns, "position_ns") \
  X(length_ns, "length_ns") X(damage, "damage") \
  /* kinds of resource */ \
  X(device, "device") X(job, "job") X(view, "view")
// clang-format on

struct Atoms {
#define AMDGPU_NIF_ATOM(name, text) ERL_NIF_TERM name;
  AMDGPU_NIF_ATOMS(AMDGPU_NIF_ATOM)
#undef AMDGPU_NIF_ATOM
};

// Filled by MakeAtoms; terms of atoms are valid in every environment.
extern Atoms atoms;
void MakeAtoms(ErlNifEnv* env);

inline ERL_NIF_TERM MakeBool(bool value) { return value ? atoms.true_ : atoms.false_; }

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_ATOMS_H_
