defmodule AMDGPU do
  @moduledoc """
  A GPU runtime: device memory, HIP C++ kernels compiled at run time, launches, results.

      iex> {:ok, device} = AMDGPU.open(:host)
      iex> {:ok, x} = AMDGPU.Buffer.from_binary(device, :i32, <<1::32-little, 2::32-little>>)
      iex> source = ~S|extern "C" __global__ void twice(int* x) { x[threadIdx.x] *= 2; }|
      iex> {:ok, twice} = AMDGPU.Kernel.compile(device, source, "twice")
      iex> {:ok, %AMDGPU.Launch{}} = AMDGPU.run(twice, [grid: 1, block: 2], [x])
      iex> AMDGPU.Buffer.to_binary(x)
      {:ok, <<2::32-little, 4::32-little>>}
      iex> AMDGPU.close(device)
      :ok

  A device's driver and every kernel run in a process of their own: a kernel that faults, hangs or
  aborts gives an `{:error, reason}`, the device restarts, and the next launch works. Nothing here
  blocks a scheduler: what waits is the calling process.

  Every function that can fail returns `{:error, exception}` and has a twin with a `!` that raises it.
  """

  alias AMDGPU.{Bang, Compiler, Device, Error, Job, Kernel, Launch, Memory, Native, Options}
  alias AMDGPU.{Patience, Probe, ProfilerHub, TimeoutError}

  @kinds [:hip, :cuda, :host]

  @type selector :: :best | Device.kind() | {Device.kind(), non_neg_integer()}
  @type shape ::
          pos_integer()
          | {pos_integer(), pos_integer()}
          | {pos_integer(), pos_integer(), pos_integer()}

  @typedoc """
  An argument of a kernel: integers, floats (also `:infinity`, `:neg_infinity`, `:nan`), booleans,
  buffers for pointers, and a binary of its bytes for a struct or a vector by value.
  """
  @type argument :: number() | boolean() | atom() | AMDGPU.Buffer.t() | binary()

  @typedoc """
    * `grid:` - blocks: `n`, `{x, y}` or `{x, y, z}`. Required
    * `block:` - threads of a block, likewise. Required
    * `shared:` - bytes of dynamic shared memory; 0 by default
    * `stream:` - an `AMDGPU.Stream`; the default stream otherwise
    * `timeout:` - milliseconds of running after which the kernel is ended, `:infinity` by default.
      On the host device this ends the worker, and other launches with it
    * `label:` - a string or an atom that telemetry shows with the launch
    * `bytes:`, `flops:` - what it reads and writes, and computes, if you know: telemetry makes GB/s and
      GFLOP/s of it
  """
  @type launch_options :: [
          grid: shape(),
          block: shape(),
          shared: non_neg_integer(),
          stream: AMDGPU.Stream.t(),
          timeout: timeout(),
          label: String.t() | atom(),
          bytes: non_neg_integer(),
          flops: non_neg_integer()
        ]

  @doc """
  Every usable device, best first (`:hip`, `:cuda`, `:host`): `%{id: {kind, index}, name: name,
  properties: properties}`. The `id` is what `open/2` takes; `AMDGPU.Device` says what the properties
  are. The vendors' libraries are asked once, in processes of their own; `mix amdgpu.doctor` says
  why a device is not there.

      iex> AMDGPU.devices() |> List.last() |> Map.fetch!(:id)
      {:host, 0}
  """
  @spec devices() :: [
          %{
            id: {Device.kind(), non_neg_integer()},
            name: String.t(),
            properties: %{atom() => term()}
          }
        ]
  def devices do
    for probe <- Probe.all(), properties <- probe.devices do
      %{id: {probe.kind, properties.index}, name: properties.name, properties: properties}
    end
  end

  @doc """
  Opens a device: the best one, the best of a kind (`:hip`, `:cuda`, `:host`), or `{kind, index}`.
  The environment variable `AMDGPU_DEVICE` (`hip`, `cuda:1`, `host`) says which one is the best.
  Each call starts a worker process of its own; it lives until `close/1`.

  Options:

    * `memory_limit:` - most bytes the device's pool may hold
    * `owner_limit:` - most bytes each Elixir process may hold
    * `slab_bytes:` - least the pool grows by; 64 MiB by default
    * `threads:` - of the host device; one per core by default
    * `specialise:` - `false` keeps the host device from compiling kernels for the block shapes in use
    * `printf:` - where kernels print to: `:stdio` (the default), `:ignore`, or a pid, which gets
      `{:amdgpu_print, text}` messages
    * `owner:` - a pid; the device is closed when that process ends
    * `max_restarts:`, `max_seconds:` - how often a device that faults is restarted before it is
      closed for good: 100 times in 10 seconds by default
    * `allocation_log:` - a file that gets every event of the memory pool
  """
  @spec open(selector(), keyword()) :: {:ok, Device.t()} | {:error, Error.any_error()}
  def open(selector \\ :best, options \\ []) do
    with {:ok, options} <- Options.validate(options, open_checks()),
         {:ok, id} <- select(selector),
         :ok <- Compiler.ensure_started(),
         :ok <- ProfilerHub.ensure_started() do
      case DynamicSupervisor.start_child(AMDGPU.DeviceSupervisor, {Device.Server, {id, options}}) do
        {:ok, server} -> {:ok, Device.Server.device(server)}
        {:error, {:shutdown, error}} -> {:error, error}
        {:error, reason} -> {:error, %Error{code: :internal, message: inspect(reason)}}
      end
    end
  end

  @doc "Like `open/2`, but raises."
  @spec open!(selector(), keyword()) :: Device.t()
  def open!(selector \\ :best, options \\ []), do: Bang.value!(open(selector, options))

  @doc """
  Closes a device and ends its worker. What is in flight fails with `AMDGPU.DeviceLostError`; buffers
  of the host device stay readable. Closing it again does nothing.
  """
  @spec close(Device.t()) :: :ok
  def close(%Device{pid: pid}) do
    _ = DynamicSupervisor.terminate_child(AMDGPU.DeviceSupervisor, pid)
    :ok
  catch
    # The application has stopped, and its devices with it.
    :exit, {:noproc, _} -> :ok
  end

  @doc "The same as `close/1`, which does not fail."
  @spec close!(Device.t()) :: :ok
  def close!(device), do: close(device)

  @doc """
  Queues a launch and returns at once, in about a microsecond; `await/2` gives its result. The result
  need not be awaited.

  Arguments are checked against the kernel's signature: a wrong count, type or range, a freed buffer
  or one of another device is an `AMDGPU.LaunchError` and nothing is launched.
  """
  @spec launch(Kernel.t(), launch_options(), [argument()]) ::
          {:ok, Job.t()} | {:error, Error.any_error()}
  def launch(%Kernel{ref: ref} = kernel, options, arguments)
      when is_list(options) and is_list(arguments) do
    case Native.kernel_launch(ref, options, arguments) do
      {:ok, job} -> {:ok, %Job{ref: job, kind: :launch}}
      {:error, reason} -> {:error, Error.from_native(reason)}
      :unavailable -> launch_later(kernel, options, arguments)
    end
  end

  defp launch_later(kernel, options, arguments) do
    case Patience.retry(kernel.device.ref, fn ->
           Native.kernel_launch(kernel.ref, options, arguments)
         end) do
      {:ok, job} -> {:ok, %Job{ref: job, kind: :launch}}
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  @doc "Like `launch/3`, but raises."
  @spec launch!(Kernel.t(), launch_options(), [argument()]) :: Job.t()
  def launch!(kernel, options, arguments), do: Bang.value!(launch(kernel, options, arguments))

  @doc """
  Waits for a job, at most `timeout` milliseconds. A launch gives an `AMDGPU.Launch`, a compile an
  `AMDGPU.Kernel`.

  After a timeout (`AMDGPU.TimeoutError`) the job goes on and can be awaited again.
  """
  @spec await(Job.t(), timeout()) :: {:ok, Launch.t() | Kernel.t()} | {:error, Error.any_error()}
  def await(job, timeout \\ :infinity)

  def await(%Job{kind: :launch, ref: ref}, timeout) do
    case Job.wait(ref, timeout) do
      {:ok, queued, started, ended, specialised} ->
        {:ok, Launch.new(queued, started, ended, specialised)}

      {:error, reason} ->
        {:error, Error.from_native(reason)}

      :pending ->
        {:error, %TimeoutError{what: "await", after_ms: timeout}}
    end
  end

  def await(%Job{kind: :compile} = job, timeout), do: Kernel.finish(job, timeout)

  @doc "Like `await/2`, but raises."
  @spec await!(Job.t(), timeout()) :: Launch.t() | Kernel.t()
  def await!(job, timeout \\ :infinity), do: Bang.value!(await(job, timeout))

  @doc "Launches and awaits."
  @spec run(Kernel.t(), launch_options(), [argument()]) ::
          {:ok, Launch.t()} | {:error, Error.any_error()}
  def run(kernel, options, arguments) do
    with {:ok, job} <- launch(kernel, options, arguments), do: await(job)
  end

  @doc "Like `run/3`, but raises."
  @spec run!(Kernel.t(), launch_options(), [argument()]) :: Launch.t()
  def run!(kernel, options, arguments), do: Bang.value!(run(kernel, options, arguments))

  @doc """
  Waits until what is in the device's default stream now has ended, at most `timeout` milliseconds.
  For other streams: `AMDGPU.Stream.synchronize/2`.
  """
  @spec synchronize(Device.t(), timeout()) :: :ok | {:error, Error.any_error()}
  def synchronize(%Device{} = device, timeout \\ :infinity),
    do: AMDGPU.Stream.synchronize(device, nil, timeout)

  @doc "Like `synchronize/2`, but raises."
  @spec synchronize!(Device.t(), timeout()) :: :ok
  def synchronize!(device, timeout \\ :infinity), do: Bang.value!(synchronize(device, timeout))

  @doc "The device's memory: an `AMDGPU.Memory`."
  @spec memory(Device.t()) :: Memory.t()
  def memory(%Device{ref: ref}), do: ref |> Native.device_memory() |> Memory.from_native()

  @doc "The same as `memory/1`, which does not fail."
  @spec memory!(Device.t()) :: Memory.t()
  def memory!(device), do: memory(device)

  @doc """
  Counters of the device: `launches`, `in_flight`, `restarts`, `specialised_launches`, and
  `worker_pid`, the operating system's number of the worker (0 while there is none).
  """
  @spec stats(Device.t()) :: %{atom() => non_neg_integer()}
  def stats(%Device{ref: ref}), do: Native.device_stats(ref)

  @doc "The same as `stats/1`, which does not fail."
  @spec stats!(Device.t()) :: %{atom() => non_neg_integer()}
  def stats!(device), do: stats(device)

  @doc """
  Gives memory that is wholly free back to the system, and unloads kernels that nobody refers to.
  """
  @spec trim(Device.t()) :: :ok | {:error, Error.any_error()}
  def trim(%Device{ref: ref}) do
    case Job.wait(Native.device_trim(ref), :infinity, 0) do
      {:error, reason} -> {:error, Error.from_native(reason)}
      _done -> :ok
    end
  end

  @doc "Like `trim/1`, but raises."
  @spec trim!(Device.t()) :: :ok
  def trim!(device), do: Bang.value!(trim(device))

  @doc """
  Limits memory from now on: `device:` bytes in all, `owner:` bytes for each process; 0 is no limit.
  What is held already stays.
  """
  @spec limit_memory(Device.t(), device: non_neg_integer(), owner: non_neg_integer()) ::
          :ok | {:error, Error.any_error()}
  def limit_memory(%Device{ref: ref}, limits) do
    check = {0, &Options.natural?/1, "a number of bytes"}

    with {:ok, limits} <- Options.validate(limits, device: check, owner: check) do
      simple(Native.device_set_limits(ref, limits.device, limits.owner))
    end
  end

  @doc "Like `limit_memory/2`, but raises."
  @spec limit_memory!(Device.t(), device: non_neg_integer(), owner: non_neg_integer()) :: :ok
  def limit_memory!(device, limits), do: Bang.value!(limit_memory(device, limits))

  @doc "Logs every event of the memory pool to the file `path`; nil stops."
  @spec log_allocations(Device.t(), Path.t() | nil) :: :ok | {:error, Error.any_error()}
  def log_allocations(%Device{ref: ref}, path),
    do: simple(Native.device_log_allocations(ref, if(path, do: Path.expand(path), else: "")))

  @doc "Like `log_allocations/2`, but raises."
  @spec log_allocations!(Device.t(), Path.t() | nil) :: :ok
  def log_allocations!(device, path), do: Bang.value!(log_allocations(device, path))

  defp simple(:ok), do: :ok
  defp simple({:error, reason}), do: {:error, Error.from_native(reason)}

  defp open_checks do
    bytes = {nil, &Options.positive?/1, "a number of bytes"}

    [
      memory_limit: bytes,
      owner_limit: bytes,
      slab_bytes: bytes,
      threads: {nil, &(is_integer(&1) and &1 in 1..4096), "a number of threads"},
      specialise: {true, &is_boolean/1, "true or false"},
      allocation_log: {nil, &is_binary/1, "a path"},
      printf: {:stdio, &(&1 in [:stdio, :ignore] or is_pid(&1)), ":stdio, :ignore or a pid"},
      owner: {nil, &is_pid/1, "a pid"},
      max_restarts: {100, &Options.natural?/1, "a number"},
      max_seconds: {10, &Options.positive?/1, "a number of seconds"}
    ]
  end

  defp select(:best) do
    case System.get_env("AMDGPU_DEVICE", "") do
      "" -> best(devices())
      wanted -> wanted |> selector() |> select()
    end
  end

  defp select(kind) when kind in @kinds do
    case Enum.find(devices(), &match?({^kind, _}, &1.id)) do
      %{id: id} -> {:ok, id}
      nil -> {:error, no_device(kind, inspect(kind))}
    end
  end

  defp select({kind, index} = id) when kind in @kinds and is_integer(index) do
    if Enum.any?(devices(), &(&1.id == id)),
      do: {:ok, id},
      else: {:error, no_device(kind, inspect(id))}
  end

  defp select({:unknown, text}) do
    {:error,
     Error.invalid("AMDGPU_DEVICE: expected hip, cuda, host or KIND:INDEX, got #{inspect(text)}")}
  end

  defp select(other) do
    {:error,
     Error.invalid("expected :best, :hip, :cuda, :host or {kind, index}, got #{inspect(other)}")}
  end

  defp best([%{id: id} | _]), do: {:ok, id}
  defp best([]), do: {:error, no_device(:host, "at all")}

  # What AMDGPU_DEVICE says.
  defp selector(text) do
    with [_, name | index] <- Regex.run(~r/^(hip|cuda|host)(?::(\d+))?$/, text) do
      kind = Enum.find(@kinds, &(Atom.to_string(&1) == name))
      if index == [], do: kind, else: {kind, String.to_integer(hd(index))}
    else
      nil -> {:unknown, text}
    end
  end

  defp no_device(kind, wanted) do
    have = Enum.map_join(devices(), ", ", &inspect(&1.id))
    problem = Probe.of(kind).problem
    why = if problem == "", do: "", else: " (#{problem})"

    %Error{
      code: :not_found,
      message:
        "no device #{wanted} on this machine#{why}; there is #{have}. " <>
          "`mix amdgpu.doctor` says more"
    }
  end
end
