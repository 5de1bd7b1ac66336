defmodule AMDGPU.Library do
  @moduledoc false
  # The kernels that ship with the runtime (gpu/kernels, installed with the native part): compiled for a
  # device on first use, and kept as long as it is open. So are functions of the vendor's libraries, and
  # the reason why there are none.

  use GenServer

  alias AMDGPU.{Device, Error, Kernel, NativeFiles}

  @table __MODULE__

  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc """
  The kernel `name` of `file`, specialised by `defines`, for `device`.

  Processes that ask at the same time may each start a compile: the compiler makes one of them.
  Options: those of `AMDGPU.Kernel.compile/4` that matter here: `core:`, `block:`, `names:`.
  """
  @spec kernel(Device.t(), String.t(), String.t(), keyword(), keyword()) ::
          {:ok, Kernel.t()} | {:error, Error.any_error()}
  def kernel(%Device{pid: pid} = device, file, name, defines, options) do
    key = {pid, file, name, defines, options}

    case :ets.lookup(@table, key) do
      [{_key, kernel}] -> {:ok, kernel}
      [] -> compile(device, key)
    end
  end

  @doc """
  The function `name` of `library`, a vendor's, on the device's machine. Whether there is one is asked
  once: a library that is missing, or that takes the worker down as it starts, is left alone.
  """
  @spec vendor_function(Device.t(), String.t(), String.t()) ::
          {:ok, Kernel.t()} | {:error, Error.any_error()}
  def vendor_function(%Device{pid: pid} = device, library, name) do
    key = {pid, :library, library, name, []}

    case :ets.lookup(@table, key) do
      [{_key, {:error, error}}] -> {:error, error}
      [{_key, kernel}] -> {:ok, kernel}
      [] -> open(device, key)
    end
  end

  defp open(device, {pid, :library, library, name, []} = key) do
    result = Kernel.of_library(device, library, name, :matrix)

    case result do
      {:ok, kernel} -> keep(key, kernel)
      # Not while the device is being closed: it may never be forgotten.
      {:error, error} -> if Process.alive?(pid), do: keep(key, {:error, error})
    end

    result
  end

  @doc "The text of a file of the library, as it is compiled."
  @spec source(String.t()) :: {:ok, String.t()} | {:error, Error.t()}
  def source(file) do
    path = NativeFiles.path(Path.join("kernels", file))

    with {:error, reason} <- File.read(path) do
      message = "the runtime's kernels are not installed: #{path}: #{:file.format_error(reason)}"
      {:error, %Error{code: :not_found, message: message}}
    end
  end

  defp compile(device, {_pid, file, name, defines, options} = key) do
    options = [file: file, defines: defines] ++ options

    with {:ok, source} <- source(file),
         {:ok, kernel} <- Kernel.compile(device, source, name, options) do
      keep(key, kernel)
      {:ok, kernel}
    end
  end

  defp keep(key, value), do: :ok = GenServer.call(__MODULE__, {:keep, key, value}, :infinity)

  @impl true
  def init(nil) do
    :ets.new(@table, [:named_table, :protected, read_concurrency: true])
    {:ok, MapSet.new()}
  end

  # A kernel keeps its device alive: it must go when the device is closed.
  @impl true
  def handle_call({:keep, {pid, _, _, _, _} = key, kernel}, _from, watched) do
    unless pid in watched, do: Process.monitor(pid)
    :ets.insert(@table, {key, kernel})
    {:reply, :ok, MapSet.put(watched, pid)}
  end

  @impl true
  def handle_info({:DOWN, _monitor, :process, pid, _reason}, watched) do
    :ets.match_delete(@table, {{pid, :_, :_, :_, :_}, :_})
    # What was just deleted is garbage of this process too, and nothing else would collect it.
    {:noreply, MapSet.delete(watched, pid), :hibernate}
  end

  def handle_info(_other, watched), do: {:noreply, watched}
end
