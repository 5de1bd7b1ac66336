defmodule AMDGPU.Native do
  @moduledoc false
  # The NIFs, one to one. Terms in, terms out; whoever calls them checks options and makes structs.
  #
  # Results: `:ok`, `{:ok, value}`, `{:error, {code, message, detail}}` (for `AMDGPU.Error.from_native/1`),
  # `:unavailable` (not now: wait, then try again) and `{:wait, job}` (when that job has ended, try again).
  # `stream` is nil or the reference of a stream; sizes and offsets are bytes.

  @on_load :load
  # Not while it is being compiled: the library may not be there yet.
  @compile {:autoload, false}

  @doc false
  def load do
    path = AMDGPU.NativeFiles.path("amdgpu_nif")

    case :erlang.load_nif(String.to_charlist(path), 0) do
      :ok ->
        :ok

      {:error, {:upgrade, _}} = error ->
        error

      {:error, {reason, text}} ->
        {:error,
         "AMDGPU: #{path}.so does not load (#{reason}): #{text}. " <>
           "`mix amdgpu.doctor` says what is missing."}
    end
  end

  # The compile service. Options: compiler_path, vendor_compiler_path, cache_dir, use_disk, disk_limit.
  def compiler_start(_options), do: stub()
  def compiler_stop, do: stub()
  def compiler_stats, do: stub()
  def compiler_clear(_disk?), do: stub()

  # What `worker_path --probe=kind` finds: see `AMDGPU.Probe`. Milliseconds to seconds.
  def device_probe(_worker_path, _kind), do: stub()
  # Sends `{:amdgpu_worker_exit, generation, error}` to `server` and `{:amdgpu_print, text}` to
  # `printer`. The device closes when `server` ends.
  def device_open(_options, _server, _printer), do: stub()
  def device_close(_device), do: stub()
  def device_restart(_device), do: stub()
  def device_ready(_device), do: stub()
  def device_when_ready(_device), do: stub()
  def device_properties(_device), do: stub()
  def device_memory(_device), do: stub()
  def device_stats(_device), do: stub()
  def device_set_limits(_device, _device_bytes, _owner_bytes), do: stub()
  def device_log_allocations(_device, _path), do: stub()
  def device_trim(_device), do: stub()
  def device_synchronize(_device, _stream), do: stub()

  def stream_create(_device), do: stub()
  def stream_close(_stream), do: stub()
  def stream_wait(_stream, _other), do: stub()

  # Buffers belong to the calling process.
  def buffer_new(_device, _dtype, _elements, _stream), do: stub()
  # The job's buffer is `job_buffer/1`.
  def buffer_new_slow(_device, _dtype, _elements, _stream), do: stub()
  def buffer_free(_buffer), do: stub()
  def buffer_give_away(_buffer, _pid), do: stub()
  def buffer_info(_buffer), do: stub()
  # Of a device whose memory cannot be seen from here: `{:download, job}`, the job's bytes are
  # `job_bytes/1`; and `{:upload, job}`.
  def buffer_read(_buffer, _offset, _bytes), do: stub()
  def buffer_write(_buffer, _offset, _binary), do: stub()
  def buffer_write_queued(_buffer, _offset, _binary, _stream), do: stub()

  def buffer_copy(_destination, _destination_offset, _source, _source_offset, _bytes, _stream),
    do: stub()

  def buffer_fill(_buffer, _pattern, _stream), do: stub()

  # A job; its kernel is `job_kernel/1`, as `{kernel, :memory | :disk | :compiled}`.
  def kernel_compile(_device, _request, _name, _core_class), do: stub()
  def kernel_info(_kernel), do: stub()
  def kernel_put_global(_kernel, _name, _offset, _binary), do: stub()
  # A job; the bytes are `job_bytes/1`.
  def kernel_get_global(_kernel, _name, _offset, _bytes), do: stub()
  # A job; its result is `job_occupancy/1`.
  def kernel_occupancy(_kernel, _block_threads, _dynamic_shared_bytes), do: stub()
  def kernel_launch(_kernel, _options, _arguments), do: stub()

  # Sends `{tag, target, {:ok, code_object, warnings} | {:error, reason}}` to the caller.
  def bundle_compile(_request, _target, _tag), do: stub()
  # `entries`: a list of {target, code_object}.
  def bundle_encode(_request, _entries, _core_class, _keep_source?), do: stub()
  def bundle_info(_binary), do: stub()
  # A job, as of kernel_compile; its kernel's origin may be :bundle.
  def kernel_load(_device, _binary, _name, _core_class, _from_source?), do: stub()
  # The function of a vendor's library, `"blas"`, as a kernel: a job likewise.
  def kernel_of_library(_device, _library, _name, _core_class), do: stub()

  # :pending | {:ok, queued_ns, started_ns, ended_ns, specialised?} | {:error, reason}
  def job_poll(_job, _spin_ns), do: stub()

  # Sends `{tag, :done}` to the caller when the job ends; 0 if it has ended and nothing will be sent.
  def job_subscribe(_job, _tag), do: stub()
  # False: the message was sent or is on its way.
  def job_unsubscribe(_job, _subscription), do: stub()
  def job_cancel(_job), do: stub()
  def job_kernel(_job), do: stub()
  def job_buffer(_job), do: stub()
  def job_bytes(_job), do: stub()
  def job_occupancy(_job), do: stub()

  # Sends `{:amdgpu_frames, [encoded], skipped}` and `{:amdgpu_owner, number, pid}` to `server`: at most
  # 32 messages that are not acknowledged; while nobody is subscribed, some frames at a time. `{:ok, socket}`, or an error when other processes cannot attach.
  def telemetry_start(_rate_hz, _publish?, _server), do: stub()
  def telemetry_stop, do: stub()
  def telemetry_set_rate(_rate_hz), do: stub()
  def telemetry_rate, do: stub()
  def telemetry_set_subscribers(_count), do: stub()
  def telemetry_ack(_count), do: stub()
  def telemetry_name_owner(_owner, _process, _name), do: stub()
  # Status: nil or a map.
  def telemetry_record(_path, _max_bytes, _max_age_ns), do: stub()
  def telemetry_stop_recording, do: stub()
  def telemetry_recording, do: stub()
  # `server` gets the replayed frames instead of the live ones.
  def telemetry_replay(_path, _speed, _loop?, _from_ns, _publish?, _server), do: stub()
  def telemetry_stop_replay, do: stub()
  def telemetry_replaying, do: stub()
  # Topics: 1 devices, 2 kernels, 4 memory.
  def frame_decode(_bytes, _topics), do: stub()
  def frame_prune(_bytes, _topics), do: stub()
  def frame_json(_bytes, _topics), do: stub()

  @doc """
  How many native objects the terms of this VM keep alive. 0 when nothing of the library is in use
  and garbage has been collected.
  """
  @spec live_resources() :: non_neg_integer()
  def live_resources, do: live_resource_counts() |> Map.values() |> Enum.sum()

  @doc "The same, by kind."
  @spec live_resource_counts() :: %{atom() => non_neg_integer()}
  def live_resource_counts, do: stub()

  # Drops, now, what garbage collection has let go of.
  def drop_pending, do: stub()
  def build_id, do: stub()
  # Nanoseconds that copying the binary takes. For benchmarks.
  def bench_memcpy(_binary), do: stub()

  defp stub, do: :erlang.nif_error(:not_loaded)
end
