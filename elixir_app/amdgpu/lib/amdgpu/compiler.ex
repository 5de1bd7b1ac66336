defmodule AMDGPU.Compiler do
  @moduledoc """
  The compile service that all devices share: a memory cache, a disk cache, and one warm compiler
  process that forks a sandboxed child for each compile. It starts with the first device or bundle.

  Code for GPUs is made by a second process of the kind, which starts when it is first needed: hipRTC
  for AMD, NVRTC for NVIDIA. They are found where the loader finds libraries, below `$ROCM_PATH`,
  `$HIP_PATH` and `/opt/rocm`, below `$CUDA_HOME`, `$CUDA_PATH` and `/usr/local/cuda`; or they are
  what `$AMDGPU_HIPRTC_LIBRARY` and `$AMDGPU_NVRTC_LIBRARY` name.

  Configuration of the application `:amdgpu`:

    * `:cache_dir` - where the disk cache is. Default: `$AMDGPU_CACHE_DIR`, else
      `$XDG_CACHE_HOME/amdgpu`, else `~/.cache/amdgpu`
    * `:cache_bytes` - most that it holds, least recently used entries go first. Default: 512 MiB
    * `:disk_cache` - `false` keeps compiled kernels in memory only
  """

  use GenServer

  alias AMDGPU.{Error, Native, NativeFiles}

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc false
  @spec ensure_started() :: :ok | {:error, Error.any_error()}
  def ensure_started, do: GenServer.call(__MODULE__, :ensure_started, :infinity)

  @doc """
  What the service did since it started: `memory_hits`, `disk_hits`, `compiled`, `failed`, `joined`
  (requests that waited for another's compile of the same source), `crashes` (of compiler children),
  `disk_errors`, `disk_bytes`, and `cache_dir`. Nil before the first device is opened.
  """
  @spec stats() :: %{atom() => non_neg_integer() | String.t()} | nil
  def stats, do: Native.compiler_stats()

  @doc "Empties the memory cache; with `disk: true`, the disk cache as well."
  @spec clear(disk: boolean()) :: :ok
  def clear(options \\ []), do: Native.compiler_clear(Keyword.get(options, :disk, false))

  @impl true
  def init(nil) do
    Process.flag(:trap_exit, true)
    {:ok, :stopped}
  end

  @impl true
  def handle_call(:ensure_started, _from, :started), do: {:reply, :ok, :started}

  def handle_call(:ensure_started, _from, :stopped) do
    case Native.compiler_start(options()) do
      :ok -> {:reply, :ok, :started}
      {:error, reason} -> {:reply, {:error, Error.from_native(reason)}, :stopped}
    end
  end

  @impl true
  def terminate(_reason, :started), do: Native.compiler_stop()
  def terminate(_reason, :stopped), do: :ok

  defp options do
    %{
      compiler_path: NativeFiles.path("amdgpu_compiler"),
      vendor_compiler_path: NativeFiles.path("amdgpu_vendorcc"),
      cache_dir: Application.get_env(:amdgpu, :cache_dir),
      use_disk: Application.get_env(:amdgpu, :disk_cache, true),
      disk_limit: Application.get_env(:amdgpu, :cache_bytes)
    }
  end
end
