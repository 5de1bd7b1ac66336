defmodule AMDGPU.Kernel do
  @moduledoc """
  A kernel, compiled from HIP C++ source at run time and loaded on a device.

  Any process may launch it. It survives the device's restarts. When nobody refers to a kernel of a module any more the
  module may be unloaded, and its `__device__` variables with it: once 64 other such modules are newer, when its
  place is needed, or by `AMDGPU.trim/1`.
  """

  alias AMDGPU.{
    Bang,
    Bundle,
    BundleError,
    CompileError,
    Compiler,
    Device,
    Diagnostic,
    Error,
    Job,
    Native,
    Options,
    Patience,
    TimeoutError
  }

  @enforce_keys [:ref, :device, :name, :core, :origin]
  defstruct @enforce_keys

  @typedoc "Which of the telemetry's core classes its launches are counted under."
  @type core :: :aura | :matrix | :neuromorphic

  @typedoc """
  `origin` says where the code came from: the memory cache, the disk cache, the compiler, or a bundle.
  """
  @type t :: %__MODULE__{
          ref: reference(),
          device: Device.t(),
          name: String.t(),
          core: core(),
          origin: :memory | :disk | :compiled | :bundle
        }

  @cores [:aura, :matrix, :neuromorphic]
  @standards ~w(c++11 c++14 c++17 c++20)
  @default_timeout_ms 60_000

  @doc """
  Compiles `name` from `source` for `device` and waits for it.

  `name` is what the source calls the kernel, `extern "C"` or not, or an expression that names a
  template instance: `"scale<float>"`. The same source with the same options is compiled once: later
  calls get it from a cache in memory or on disk.

  Options:

    * `defines:` - constants, as `-D` would: `%{TILE: 16, FAST: true}`. Values are numbers, strings
      (as they are), `true` (1) and `false` (0)
    * `names:` - more name expressions to compile in the same module. Kernels compiled with the same
      list share its `__device__` variables and one compile
    * `core:` - the core class for telemetry: `:aura` (the default), `:matrix`, `:neuromorphic`
    * `std:` - `"c++11"` to `"c++20"`; `"c++17"` by default
    * `strict_math:` - `true` forbids fused multiply-add and approximate vector math
    * `block:` - the block shape it will be launched with, `n`, `{x, y}` or `{x, y, z}`: compiles
      for that shape at once. Without it any shape works, and a shape in use is specialised on in the
      background
    * `file:` - the source's name in diagnostics; `"kernel.hip"` by default
    * `timeout:` - of the compile, milliseconds; 60,000 by default

  Errors: `AMDGPU.CompileError` with the diagnostics, `AMDGPU.TimeoutError`.
  """
  @spec compile(Device.t(), String.t(), String.t(), keyword()) ::
          {:ok, t()} | {:error, Error.any_error()}
  def compile(device, source, name, options \\ []) do
    with {:ok, job} <- compile_async(device, source, name, options), do: finish(job, :infinity)
  end

  @doc "Like `compile/4`, but raises."
  @spec compile!(Device.t(), String.t(), String.t(), keyword()) :: t()
  def compile!(device, source, name, options \\ []),
    do: Bang.value!(compile(device, source, name, options))

  @doc """
  Starts a compile and returns at once. `AMDGPU.await/2` on the job gives `{:ok, kernel}`;
  `cancel/1` stops it. Arguments as for `compile/4`.
  """
  @spec compile_async(Device.t(), String.t(), String.t(), keyword()) ::
          {:ok, Job.t()} | {:error, Error.any_error()}
  def compile_async(%Device{} = device, source, name, options \\ [])
      when is_binary(source) and is_binary(name) do
    with {:ok, options} <- Options.validate(options, checks()),
         names = if(name in options.names, do: options.names, else: [name | options.names]),
         {:ok, request} <- request(source, names, options) do
      ref = Native.kernel_compile(device.ref, request, name, Atom.to_string(options.core))
      finish = %{device: device, name: name, core: options.core, timeout: options.timeout}
      {:ok, %Job{ref: ref, kind: :compile, finish: finish}}
    end
  end

  @doc "Like `compile_async/4`, but raises."
  @spec compile_async!(Device.t(), String.t(), String.t(), keyword()) :: Job.t()
  def compile_async!(device, source, name, options \\ []),
    do: Bang.value!(compile_async(device, source, name, options))

  @doc """
  Compiles `name` for several targets, without a device, and bundles what comes out with its
  signatures and the source. See `AMDGPU.Bundle`.

  A target is `"host"` (this machine's CPU), an AMD processor with or without features (`"gfx90a"`,
  `"gfx90a:xnack-"`; needs hipRTC), or an NVIDIA version (`"sm_90"`, or `"compute_90"` for PTX that
  later ones run too; needs NVRTC). `name` is a kernel, a list of kernels, or `:all` for every kernel
  of the source that is no template.

  Options: those of `compile/4` but `block:`, and

    * `source:` - `false` leaves the source out of the bundle; then it runs on its targets alone

  Error: `AMDGPU.BundleError` with the error of each target that does not compile; a target whose
  compiler this machine does not have is among them.
  """
  @spec compile_for([String.t()], String.t(), String.t() | [String.t()] | :all, keyword()) ::
          {:ok, Bundle.t()} | {:error, Error.any_error() | BundleError.t()}
  def compile_for(targets, source, name, options \\ [])
      when is_list(targets) and is_binary(source) do
    checks = Keyword.delete(checks(), :block) ++ [source: {true, &is_boolean/1, "true or false"}]

    with {:ok, targets} <- targets(targets),
         {:ok, options} <- Options.validate(options, checks),
         {:ok, names} <- bundle_names(name, options.names),
         {:ok, request} <- request(source, names, Map.put(options, :block, nil)),
         :ok <- Compiler.ensure_started(),
         {:ok, entries} <- compile_targets(request, targets) do
      case Native.bundle_encode(request, entries, Atom.to_string(options.core), options.source) do
        {:ok, binary} -> Bundle.from_binary(binary)
        {:error, reason} -> {:error, Error.from_native(reason)}
      end
    end
  end

  @doc "Like `compile_for/4`, but raises."
  @spec compile_for!([String.t()], String.t(), String.t() | [String.t()] | :all, keyword()) ::
          Bundle.t()
  def compile_for!(targets, source, name, options \\ []),
    do: Bang.value!(compile_for(targets, source, name, options))

  @doc """
  Loads a kernel of a bundle on a device: the code that is best for it, or, where none fits or loads,
  compiled from the bundle's source. The kernel's `origin` is `:bundle` in the first case.

  Options:

    * `name:` - which kernel; the bundle's first by default
    * `core:` - the core class for telemetry; the bundle's by default
  """
  @spec load(Device.t(), Bundle.t(), keyword()) :: {:ok, t()} | {:error, Error.any_error()}
  def load(%Device{} = device, %Bundle{} = bundle, options \\ []) do
    checks = [
      name: {default_name(bundle), &is_binary/1, "the name of a kernel"},
      core: {bundle.core, &(&1 in @cores), "one of #{inspect(@cores)}"}
    ]

    with {:ok, options} <- Options.validate(options, checks) do
      case load(device, bundle, options, false) do
        {:error, %Error{code: :invalid_argument}} when bundle.source != nil ->
          load(device, bundle, options, true)

        result ->
          result
      end
    end
  end

  @doc "Like `load/3`, but raises."
  @spec load!(Device.t(), Bundle.t(), keyword()) :: t()
  def load!(device, bundle, options \\ []), do: Bang.value!(load(device, bundle, options))

  defp load(device, bundle, options, from_source?) do
    core = Atom.to_string(options.core)

    case Native.kernel_load(device.ref, bundle.binary, options.name, core, from_source?) do
      {:ok, ref} ->
        finish = %{
          device: device,
          name: options.name,
          core: options.core,
          timeout: @default_timeout_ms
        }

        finish(%Job{ref: ref, kind: :compile, finish: finish}, :infinity)

      {:error, reason} ->
        {:error, Error.from_native(reason)}
    end
  end

  @doc false
  # A function of a vendor's library on the device's machine, "blas", as a kernel.
  @spec of_library(Device.t(), String.t(), String.t(), core()) ::
          {:ok, t()} | {:error, Error.any_error()}
  def of_library(%Device{} = device, library, name, core) do
    case Native.kernel_of_library(device.ref, library, name, Atom.to_string(core)) do
      {:ok, ref} ->
        finish = %{device: device, name: name, core: core, timeout: @default_timeout_ms}
        finish(%Job{ref: ref, kind: :compile, finish: finish}, :infinity)

      {:error, reason} ->
        {:error, Error.from_native(reason)}
    end
  end

  defp default_name(%Bundle{names: [name | _]}), do: name
  defp default_name(%Bundle{targets: [%{kernels: [name | _]} | _]}), do: name
  defp default_name(%Bundle{}), do: ""

  # The service compiles them side by side and sends one message for each.
  defp compile_targets(request, targets) do
    tag = make_ref()
    started = for target <- targets, do: {target, Native.bundle_compile(request, target, tag)}
    results = for {target, start} <- started, do: {target, compiled(start, request, target, tag)}

    case for {target, {:error, error}} <- results, do: {target, error} do
      [] -> {:ok, for({target, {:ok, code}} <- results, do: {target, code})}
      failures -> {:error, %BundleError{failures: failures}}
    end
  end

  defp compiled({:error, reason}, _request, _target, _tag),
    do: {:error, Error.from_native(reason)}

  defp compiled(:ok, request, target, tag) do
    receive do
      {^tag, ^target, {:ok, code, _warnings}} ->
        {:ok, code}

      {^tag, ^target, {:error, reason}} ->
        name = if request.names == [], do: nil, else: Enum.join(request.names, ", ")
        error = Error.from_native(reason)
        {:error, explain(error, %{name: name, timeout: request.timeout_ms})}
    end
  end

  defp targets(targets) do
    cond do
      targets == [] or not Enum.all?(targets, &is_binary/1) ->
        {:error, Error.invalid("targets: expected a list of strings, got #{inspect(targets)}")}

      Enum.uniq(targets) != targets ->
        {:error, Error.invalid("targets: #{inspect(targets)} names one twice")}

      true ->
        {:ok, targets}
    end
  end

  defp bundle_names(:all, []), do: {:ok, []}
  defp bundle_names(name, more) when is_binary(name), do: {:ok, Enum.uniq([name | more])}

  defp bundle_names([_ | _] = names, more) do
    if names?(names), do: {:ok, Enum.uniq(names ++ more)}, else: bundle_names(nil, more)
  end

  defp bundle_names(name, _more) do
    {:error,
     Error.invalid("name: expected a kernel, a list of kernels or :all, got #{inspect(name)}")}
  end

  @doc """
  Stops a compile that nobody needs any more; awaiting it gives an `AMDGPU.CompileError` with the
  reason `:cancelled`. False when it had ended already.
  """
  @spec cancel(Job.t()) :: boolean()
  def cancel(%Job{kind: :compile, ref: ref}), do: Native.job_cancel(ref)

  @doc """
  The kernel's signature and what was compiled.

    * `name`, `symbol` (mangled), `core`
    * `params` - a list of `%{name:, type:, kind:, dtype:, read_only:, size:, lanes:}`: `type` as in
      the source, `kind` `:scalar`, `:pointer`, `:aggregate` or `:opaque` (on a GPU, when the source
      does not tell: a number, a buffer or a binary is passed as given), `dtype` of the scalar or of
      what the pointer points to (nil for other types), `size` in bytes, `lanes` of a vector type (4
      for `float4`)
    * `static_shared_bytes` (per block), `uses_dynamic_shared`, `max_threads_per_block` (as compiled,
      on this device)
    * `registers` and `local_bytes` (spilled registers and arrays), both of each thread; 0 where the
      device does not tell
    * `specialised_shapes` - block shapes that have code of their own now
    * `key` - the content hash of source, options and target; `code_bytes`
    * `warnings` - a list of `AMDGPU.Diagnostic`
    * `library` - of a function of a vendor's library (`AMDGPU.Blas.library/1`) its `name`, `version` and
      `path`; nil for kernels
  """
  @spec info(t()) :: %{atom() => term()}
  def info(%__MODULE__{ref: ref, core: core}) do
    ref
    |> Native.kernel_info()
    |> Map.put(:core, core)
    |> Map.update!(:warnings, fn list -> Enum.map(list, &Diagnostic.from_native/1) end)
  end

  @doc """
  How much of the device the kernel keeps busy in blocks of the shape `block` (`n`, `{x, y}` or
  `{x, y, z}`), in theory: registers and shared memory are what limits it.

    * `blocks_per_unit` - blocks that run at once on one compute unit
    * `ratio` - threads that run at once ÷ most that can: 0.0 to 1.0
    * `suggested_block` - the fewest threads of a block that reach `best_ratio`

  Options: `shared:`, bytes of dynamic shared memory per block; 0 by default.

      iex> device = AMDGPU.open!(:host)
      iex> kernel = AMDGPU.Kernel.compile!(device, "__global__ void f(int* x) { *x = 1; }", "f")
      iex> {:ok, occupancy} = AMDGPU.Kernel.occupancy(kernel, 64)
      iex> {occupancy.blocks_per_unit, occupancy.ratio}
      {1, 1.0}
      iex> AMDGPU.close(device)
      :ok
  """
  @spec occupancy(t(), AMDGPU.shape(), shared: non_neg_integer()) ::
          {:ok, %{atom() => number()}} | {:error, Error.any_error()}
  def occupancy(%__MODULE__{ref: ref} = kernel, block, options \\ []) do
    checks = [shared: {0, &(Options.natural?(&1) and &1 <= 0xFFFFFFFF), "a number of bytes"}]

    with {:ok, options} <- Options.validate(options, checks),
         {:ok, threads} <- threads(block) do
      ask = fn ->
        job = Native.kernel_occupancy(ref, threads, options.shared)

        case Job.wait(job, :infinity) do
          {:error, {:unavailable, _, _}} -> :unavailable
          {:error, reason} -> {:error, reason}
          _done -> {:ok, Native.job_occupancy(job)}
        end
      end

      case Patience.retry(kernel.device.ref, ask) do
        {:ok, map} ->
          {suggested, map} = Map.pop!(map, :suggested_block_threads)
          {:ok, Map.put(map, :suggested_block, suggested)}

        {:error, reason} ->
          {:error, Error.from_native(reason)}
      end
    end
  end

  @doc "Like `occupancy/3`, but raises."
  @spec occupancy!(t(), AMDGPU.shape(), shared: non_neg_integer()) :: %{atom() => number()}
  def occupancy!(kernel, block, options \\ []), do: Bang.value!(occupancy(kernel, block, options))

  @doc """
  Reads `bytes` bytes of the `__device__` or `__constant__` variable `name` of the kernel's module, as
  they are behind the launches queued in the default stream.

  Options: `offset:`, in bytes; 0 by default. At most 1 MiB at once.
  """
  @spec get_global(t(), String.t(), non_neg_integer(), offset: non_neg_integer()) ::
          {:ok, binary()} | {:error, Error.any_error()}
  def get_global(%__MODULE__{ref: ref}, name, bytes, options \\ []) when is_binary(name) do
    checks = [offset: {0, &Options.natural?/1, "a number of bytes"}]

    with {:ok, options} <- Options.validate(options, checks),
         true <- Options.natural?(bytes) || {:error, Error.invalid("expected a number of bytes")} do
      job = Native.kernel_get_global(ref, name, options.offset, bytes)

      case Job.wait(job, :infinity) do
        {:error, reason} -> {:error, Error.from_native(reason)}
        _done -> {:ok, Native.job_bytes(job)}
      end
    end
  end

  @doc "Like `get_global/4`, but raises."
  @spec get_global!(t(), String.t(), non_neg_integer(), offset: non_neg_integer()) :: binary()
  def get_global!(kernel, name, bytes, options \\ []),
    do: Bang.value!(get_global(kernel, name, bytes, options))

  @doc """
  Writes `binary` into the `__device__` or `__constant__` variable `name` of the kernel's module,
  behind launches that are queued and before those to come.

  Options: `offset:`, in bytes; 0 by default.
  """
  @spec put_global(t(), String.t(), binary(), offset: non_neg_integer()) ::
          :ok | {:error, Error.any_error()}
  def put_global(%__MODULE__{ref: ref}, name, binary, options \\ [])
      when is_binary(name) and is_binary(binary) do
    checks = [offset: {0, &Options.natural?/1, "a number of bytes"}]

    with {:ok, options} <- Options.validate(options, checks) do
      case Job.wait(Native.kernel_put_global(ref, name, options.offset, binary), :infinity) do
        {:error, reason} -> {:error, Error.from_native(reason)}
        _done -> :ok
      end
    end
  end

  @doc "Like `put_global/4`, but raises."
  @spec put_global!(t(), String.t(), binary(), offset: non_neg_integer()) :: :ok
  def put_global!(kernel, name, binary, options \\ []),
    do: Bang.value!(put_global(kernel, name, binary, options))

  @doc false
  # The result of a compile job; `AMDGPU.await/2` ends here.
  def finish(%Job{kind: :compile, ref: ref, finish: finish}, timeout) do
    # No spinning: what is not in the memory cache takes milliseconds.
    case Job.wait(ref, timeout, 0) do
      :pending ->
        {:error, %TimeoutError{what: "await", after_ms: timeout}}

      {:error, reason} ->
        {:error, reason |> Error.from_native() |> explain(finish)}

      _done ->
        {kernel, origin} = Native.job_kernel(ref)

        {:ok,
         %__MODULE__{
           ref: kernel,
           device: finish.device,
           name: finish.name,
           core: finish.core,
           origin: origin
         }}
    end
  end

  defp explain(%CompileError{} = error, finish), do: %{error | kernel: finish.name}

  defp explain(%Error{code: :cancelled} = error, finish),
    do: %CompileError{kernel: finish.name, reason: :cancelled, detail: error.message}

  defp explain(%Error{code: :deadline_exceeded}, finish),
    do: %TimeoutError{what: "the compile of #{finish.name}", after_ms: finish.timeout}

  defp explain(error, _finish), do: error

  # Options

  defp checks do
    [
      defines: {[], &(is_map(&1) or Keyword.keyword?(&1)), "a map or a keyword list"},
      names: {[], &names?/1, "a list of strings"},
      core: {:aura, &(&1 in @cores), "one of #{inspect(@cores)}"},
      std: {"c++17", &(to_string(&1) in @standards), "one of #{inspect(@standards)}"},
      strict_math: {false, &is_boolean/1, "true or false"},
      block: {nil, &block?/1, "a positive integer, {x, y} or {x, y, z}"},
      file: {"kernel.hip", &is_binary/1, "a file name"},
      timeout: {@default_timeout_ms, &Options.timeout?/1, "milliseconds or :infinity"}
    ]
  end

  # What the compiler is asked for.
  defp request(source, names, options) do
    with {:ok, defines} <- defines(options.defines) do
      {:ok,
       %{
         source: source,
         file_name: options.file,
         names: names,
         defines: defines,
         std: to_string(options.std),
         strict_math: options.strict_math,
         optimization: 3,
         block: options.block,
         timeout_ms: if(options.timeout == :infinity, do: 0, else: options.timeout)
       }}
    end
  end

  defp threads(block) do
    if block != nil and block?(block) do
      {:ok, min(product(block), 0xFFFFFFFF)}
    else
      {:error, Error.invalid("expected a block of n, {x, y} or {x, y, z}, got #{inspect(block)}")}
    end
  end

  defp product(n) when is_integer(n), do: n
  defp product(shape), do: shape |> Tuple.to_list() |> Enum.product()

  defp names?(names), do: is_list(names) and Enum.all?(names, &is_binary/1)

  defp block?(nil), do: true
  defp block?(n) when is_integer(n), do: n in 1..0xFFFFFFFF
  defp block?({x, y}), do: block?({x, y, 1})

  defp block?({x, y, z}),
    do: Enum.all?([x, y, z], &(is_integer(&1) and &1 in 1..0xFFFFFFFF))

  defp block?(_), do: false

  # Sorted: the order in which constants are given must not miss the cache.
  defp defines(defines) do
    defines
    |> Enum.sort_by(fn {name, _} -> to_string(name) end)
    |> Enum.reduce_while({:ok, []}, fn {name, value}, {:ok, done} ->
      with true <- is_atom(name) or is_binary(name),
           {:ok, text} <- define(value) do
        {:cont, {:ok, [{to_string(name), text} | done]}}
      else
        _ -> {:halt, {:error, define_error(name, value)}}
      end
    end)
    |> case do
      {:ok, list} -> {:ok, Enum.reverse(list)}
      error -> error
    end
  end

  defp define(true), do: {:ok, "1"}
  defp define(false), do: {:ok, "0"}
  defp define(value) when is_binary(value), do: {:ok, value}
  defp define(value) when is_integer(value) or is_float(value), do: {:ok, to_string(value)}
  defp define(_), do: :error

  defp define_error(name, value) do
    Error.invalid(
      "option :defines, #{inspect(name)}: expected a number, a string, true or false, got #{inspect(value)}"
    )
  end

  defimpl Inspect do
    def inspect(kernel, _opts),
      do: "#AMDGPU.Kernel<#{kernel.name} on #{AMDGPU.Device.label(kernel.device)}>"
  end
end
