defmodule AMDGPU.Telemetry.Events do
  @moduledoc false
  # Turns frames into events for whoever has attached a function, here or to the `:telemetry` library.
  # Subscribed to frames only while somebody has.

  use GenServer
  require Logger

  alias AMDGPU.{ProfilerHub, Telemetry}

  @look_ms 1_000
  # A handler may take its time for a second before frames are skipped.
  @credit 60
  @copies [in: :copies_in, out: :copies_out, within: :copies_within]

  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  def attach(id, [first | _] = events, fun, config) when is_list(first),
    do: GenServer.call(__MODULE__, {:attach, id, events, fun, config})

  def attach(id, event, fun, config), do: attach(id, [event], fun, config)

  def detach(id), do: GenServer.call(__MODULE__, {:detach, id})

  @impl true
  def init(nil) do
    Process.send_after(self(), :look, @look_ms)
    {:ok, %{handlers: %{}, library: false, subscribed: false, totals: %{}}}
  end

  @impl true
  def handle_call({:attach, id, events, fun, config}, _from, state) do
    if is_map_key(state.handlers, id) do
      {:reply, {:error, :already_exists}, state}
    else
      handlers = Map.put(state.handlers, id, {events, fun, config})
      {:reply, :ok, follow(%{state | handlers: handlers})}
    end
  end

  def handle_call({:detach, id}, _from, state) do
    case Map.pop(state.handlers, id) do
      {nil, _} -> {:reply, {:error, :not_found}, state}
      {_, handlers} -> {:reply, :ok, follow(%{state | handlers: handlers})}
    end
  end

  @impl true
  def handle_info({:amdgpu_frame, frame}, state) do
    state = Enum.reduce(events(frame, state.totals), state, &execute/2)
    totals = Map.merge(state.totals, totals(frame))
    Telemetry.ack()
    {:noreply, %{state | totals: totals}}
  end

  # The library may be loaded, and handlers attached to it, at any time.
  def handle_info(:look, state) do
    Process.send_after(self(), :look, @look_ms)
    library = :erlang.function_exported(:telemetry, :list_handlers, 1)
    wanted = library and apply(:telemetry, :list_handlers, [[:amdgpu]]) != []
    {:noreply, follow(%{state | library: wanted})}
  end

  def handle_info(_other, state), do: {:noreply, state}

  defp follow(state) do
    wanted = state.library or state.handlers != %{}

    cond do
      wanted and not state.subscribed ->
        case Telemetry.subscribe(topics: [:kernels], credit: @credit) do
          :ok -> %{state | subscribed: true, totals: baseline()}
          {:error, _off} -> state
        end

      not wanted and state.subscribed ->
        Telemetry.unsubscribe()
        %{state | subscribed: false, totals: %{}}

      true ->
        state
    end
  end

  # What was before is nobody's news: totals of all kernels are in one frame of each second.
  defp baseline do
    ProfilerHub.window(70)
    |> Enum.map(&Telemetry.decode!(&1, [:kernels]))
    |> Enum.reduce(%{}, &Map.merge(&2, totals(&1)))
  end

  defp totals(frame) do
    kernels = for %{kernel: kernel, work: work} <- frame.kernels, into: %{}, do: {kernel, work}

    for device <- frame.devices, {_, field} <- @copies, stats = device[field], into: kernels do
      {{device.device, field}, stats}
    end
  end

  defp events(frame, before) do
    Enum.concat([
      Enum.flat_map(frame.kernels, &launch(&1, before[&1.kernel])),
      Enum.flat_map(frame.devices, &copies(&1, before)),
      Enum.map(frame.compiles, &compile/1),
      Enum.flat_map(frame.events, &event/1)
    ])
  end

  defp launch(kernel, before) do
    work = kernel.work

    since = fn field ->
      Map.fetch!(work, field) - if(before, do: Map.fetch!(before, field), else: 0)
    end

    if since.(:launches_total) > 0 do
      measurements = %{
        count: since.(:launches_total),
        failed: since.(:failed_total),
        duration: since.(:busy_ns_total),
        wait: since.(:wait_ns_total),
        bytes: since.(:bytes_total),
        flops: since.(:flops_total)
      }

      metadata = %{device: kernel.device, kernel: kernel.name, core_class: kernel.core_class}
      [{[:amdgpu, :launch, :stop], measurements, metadata}]
    else
      []
    end
  end

  defp copies(device, before) do
    for {direction, field} <- @copies,
        stats = device[field],
        old =
          before[{device.device, field}] || %{count_total: 0, bytes_total: 0, busy_ns_total: 0},
        stats.count_total > old.count_total do
      measurements = %{
        count: stats.count_total - old.count_total,
        bytes: stats.bytes_total - old.bytes_total,
        duration: stats.busy_ns_total - old.busy_ns_total
      }

      {[:amdgpu, :copy, :stop], measurements, %{device: device.device, direction: direction}}
    end
  end

  defp compile(compile) do
    metadata = Map.take(compile, [:device, :kernel, :origin, :status, :specialisation])
    duration = max(0, compile.ended_ns - compile.started_ns)
    {[:amdgpu, :compile, :stop], %{duration: duration}, metadata}
  end

  defp event(%{kind: kind} = event) do
    case kind && Atom.to_string(kind) do
      "device_" <> what ->
        metadata = %{device: event.device, message: event.message}
        [{[:amdgpu, :device, String.to_atom(what)], %{time: event.time_ns}, metadata}]

      "pool_" <> what ->
        [{[:amdgpu, :pool, String.to_atom(what)], %{bytes: event.bytes}, %{device: event.device}}]

      _ ->
        []
    end
  end

  defp execute({event, measurements, metadata}, state) do
    if state.library, do: apply(:telemetry, :execute, [event, measurements, metadata])

    Enum.reduce(state.handlers, state, fn {id, {events, fun, config}}, state ->
      if event in events,
        do: call(id, fun, [event, measurements, metadata, config], state),
        else: state
    end)
  end

  defp call(id, fun, arguments, state) do
    apply(fun, arguments)
    state
  rescue
    error ->
      Logger.error(
        "AMDGPU.Telemetry handler #{inspect(id)} is detached: #{Exception.message(error)}"
      )

      %{state | handlers: Map.delete(state.handlers, id)}
  end
end
