defmodule AMDGPU.Device.Server do
  @moduledoc false
  # The life of one open device: opens it, restarts its worker when that ends, closes it. The native
  # device closes when this process ends, however that comes.

  use GenServer, restart: :temporary
  require Logger

  alias AMDGPU.{Device, Error, Native, NativeFiles, Probe}
  alias AMDGPU.Device.Printer

  # A worker that cannot start is tried again after this long, doubled each time.
  @first_retry_ms 50
  @last_retry_ms 5_000

  defmodule State do
    @moduledoc false
    defstruct [:device, :max_restarts, :max_seconds, restarts: [], retry_ms: nil]
  end

  @doc false
  def start_link({id, options}), do: GenServer.start_link(__MODULE__, {id, options})

  @doc false
  def device(server), do: GenServer.call(server, :device, :infinity)

  @impl true
  def init({{kind, index} = id, options}) do
    Process.flag(:trap_exit, true)
    if options.owner, do: Process.monitor(options.owner)
    printer = Printer.start_link(options.printf)

    case Native.device_open(native_options(kind, index, options), self(), printer) do
      {:ok, ref} ->
        device = %Device{ref: ref, pid: self(), id: id, properties: properties(ref)}

        {:ok,
         %State{
           device: device,
           max_restarts: options.max_restarts,
           max_seconds: options.max_seconds
         }}

      {:error, reason} ->
        # Shutdown: the caller gets the error, the log does not.
        {:stop, {:shutdown, Error.from_native(reason)}}
    end
  end

  @impl true
  def handle_call(:device, _from, state), do: {:reply, state.device, state}

  @impl true
  def handle_info({:amdgpu_worker_exit, generation, reason}, state) do
    message = reason |> Error.from_native() |> Exception.message()
    restart(state, "worker #{generation} ended: #{message}")
  end

  def handle_info(:retry, state), do: restart(state, "worker did not start")

  def handle_info({:DOWN, _monitor, :process, _owner, _reason}, state),
    do: {:stop, :normal, state}

  # The printer ended with what it prints to; kernels print into the void from now on.
  def handle_info({:EXIT, _pid, _reason}, state), do: {:noreply, state}
  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state), do: Native.device_close(state.device.ref)

  defp restart(state, why) do
    now = System.monotonic_time(:millisecond)
    recent = Enum.filter(state.restarts, &(now - &1 < state.max_seconds * 1000))
    state = %{state | restarts: [now | recent]}
    label = Device.label(state.device)

    if length(recent) >= state.max_restarts do
      Logger.error(
        "AMDGPU #{label}: #{why}; closed after #{state.max_restarts} restarts in #{state.max_seconds} s"
      )

      {:stop, {:shutdown, :too_many_restarts}, state}
    else
      {:noreply, do_restart(state, "AMDGPU #{label}: #{why}")}
    end
  end

  defp do_restart(state, line) do
    {microseconds, result} = :timer.tc(fn -> Native.device_restart(state.device.ref) end)

    case result do
      :ok ->
        Logger.error("#{line}; restarted in #{Float.round(microseconds / 1000, 1)} ms")
        %{state | retry_ms: nil}

      failure ->
        delay =
          if state.retry_ms, do: min(state.retry_ms * 2, @last_retry_ms), else: @first_retry_ms

        Logger.error("#{line}; it does not restart (#{words(failure)}), next try in #{delay} ms")
        Process.send_after(self(), :retry, delay)
        %{state | retry_ms: delay}
    end
  end

  defp words({:error, reason}), do: reason |> Error.from_native() |> Exception.message()
  defp words(:unavailable), do: "unavailable"

  defp native_options(kind, index, options) do
    Map.merge(
      %{
        kind: Atom.to_string(kind),
        index: index,
        worker_path: NativeFiles.path("amdgpu_worker")
      },
      Map.take(options, [
        :memory_limit,
        :owner_limit,
        :slab_bytes,
        :threads,
        :specialise,
        :allocation_log
      ])
    )
  end

  defp properties(ref) do
    ref |> Native.device_properties() |> Probe.properties()
  end
end
