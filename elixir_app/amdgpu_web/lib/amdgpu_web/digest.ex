defmodule AMDGPUWeb.Digest do
  @moduledoc """
  What changes seldom, for LiveViews: devices, kernels, owners, compiles, events.

  One process reads the frames for all viewers, and puts what it makes of them into a table, each item with
  the version of its last change. Viewers are told that something changed, at most `rate/0` times a second,
  and take the items that are newer than what they have: one that is slow takes more at a time and is not
  told twice.
  """

  use GenServer

  alias AMDGPU.Telemetry
  alias AMDGPUWeb.Digest.Items

  # A second of frames may wait: compiles and events are in one frame each.
  @credit 60
  @tombstone_ms 60_000
  @pending 1

  @typedoc "A viewer's handle."
  @opaque viewer :: :atomics.atomics_ref()

  @typedoc "Items that changed, by kind, and the keys of those that are gone."
  @type changes :: %{
          devices: [map()],
          kernels: [map()],
          owners: [map()],
          compiles: [map()],
          events: [map()],
          gone: [{atom(), term()}]
        }

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc "How often a second viewers are told, at most: `config :amdgpu_web, live_rate: 2` (1 to 60)."
  @spec rate() :: pos_integer()
  def rate, do: Application.get_env(:amdgpu_web, :live_rate, 2)

  @doc """
  The calling process gets `{AMDGPUWeb.Digest, :changed}` from now on, when there is something for
  `changes/2`.
  """
  @spec watch() :: {:ok, viewer()} | {:error, Exception.t()}
  def watch, do: GenServer.call(__MODULE__, {:watch, self()})

  @doc "Ends `watch/0` and `watch_losses/0` of the calling process."
  @spec unwatch() :: :ok
  def unwatch, do: GenServer.call(__MODULE__, {:unwatch, self()})

  @doc "The calling process gets `{:amdgpu_device_lost, %{device:, time_ns:, message:}}` from now on."
  @spec watch_losses() :: :ok | {:error, Exception.t()}
  def watch_losses, do: GenServer.call(__MODULE__, {:watch_losses, self()})

  @doc "What is newer than `version` (0 for everything), and the version that it is of."
  @spec changes(viewer(), non_neg_integer()) :: {non_neg_integer(), changes()}
  def changes(viewer, version) do
    # First: a change that comes in between is told of again.
    :atomics.put(viewer, @pending, 0)
    newest = :ets.lookup_element(__MODULE__, :version, 2)

    newer = [{{{:"$1", :"$2"}, :"$3", :"$4"}, [{:>, :"$3", version}], [{{:"$1", :"$2", :"$4"}}]}]

    changes =
      __MODULE__
      |> :ets.select(newer)
      |> Enum.reduce(Items.none(), fn
        {kind, id, :gone}, changes -> Map.update!(changes, :gone, &[{kind, id} | &1])
        {kind, _id, item}, changes -> Map.update!(changes, kind, &[item | &1])
      end)

    {newest, changes}
  end

  @impl true
  def init(nil) do
    :ets.new(__MODULE__, [:named_table, :protected, read_concurrency: true])
    :ets.insert(__MODULE__, {:version, 0})

    {:ok,
     %{
       viewers: %{},
       losses: %{},
       items: Items.new(),
       latest: nil,
       replay?: false,
       version: 0,
       timer: nil
     }}
  end

  @impl true
  def handle_call({:watch, pid}, _from, state) do
    case follow(state) do
      :ok ->
        state = if state.viewers == %{}, do: refresh(state), else: state
        flags = :atomics.new(1, signed: false)
        viewers = Map.put(drop(state.viewers, pid), pid, {Process.monitor(pid), flags})
        {:reply, {:ok, flags}, schedule(%{state | viewers: viewers})}

      error ->
        {:reply, error, state}
    end
  end

  def handle_call({:watch_losses, pid}, _from, state) do
    case follow(state) do
      :ok ->
        losses = Map.put(drop(state.losses, pid), pid, {Process.monitor(pid), nil})
        {:reply, :ok, %{state | losses: losses}}

      error ->
        {:reply, error, state}
    end
  end

  def handle_call({:unwatch, pid}, _from, state), do: {:reply, :ok, forget(state, pid)}

  @impl true
  def handle_info({:amdgpu_frame, bytes}, state) do
    Telemetry.ack()
    frame = Telemetry.decode!(bytes, [:kernels])
    for lost <- Items.losses(frame), {pid, _} <- state.losses, do: tell_loss(pid, lost)
    {:noreply, %{state | items: Items.work(state.items, frame), latest: bytes}}
  end

  def handle_info(:publish, state), do: {:noreply, state |> look() |> publish() |> again()}

  def handle_info({:sweep, keys}, state) do
    for {key, version} <- keys, do: :ets.match_delete(__MODULE__, {key, version, :gone})
    {:noreply, state}
  end

  def handle_info({:DOWN, _monitor, :process, pid, _reason}, state),
    do: {:noreply, forget(state, pid)}

  def handle_info(_other, state), do: {:noreply, state}

  defp follow(%{viewers: viewers, losses: losses}) when viewers == %{} and losses == %{},
    do: Telemetry.subscribe(as: :encoded, credit: @credit)

  defp follow(_state), do: :ok

  # What the table has is as old as the last viewer.
  defp refresh(state) do
    case AMDGPU.ProfilerHub.latest() do
      nil -> state
      bytes -> publish(look(%{state | latest: bytes}))
    end
  end

  # Devices and their memory are whole in each frame: the latest of those since the look before will do.
  defp look(%{latest: nil} = state), do: state

  defp look(state) do
    frame = Telemetry.decode!(state.latest)
    %{state | items: Items.state(state.items, frame), latest: nil}
  end

  defp forget(state, pid) do
    state = %{state | viewers: drop(state.viewers, pid), losses: drop(state.losses, pid)}
    if state.viewers == %{} and state.losses == %{}, do: Telemetry.unsubscribe()
    state
  end

  defp drop(watchers, pid) do
    case Map.pop(watchers, pid) do
      {nil, rest} ->
        rest

      {{monitor, _}, rest} ->
        Process.demonitor(monitor, [:flush])
        rest
    end
  end

  defp tell_loss(pid, lost), do: send(pid, {:amdgpu_device_lost, lost})

  defp schedule(%{timer: nil} = state) do
    %{state | timer: Process.send_after(self(), :publish, div(1000, rate()))}
  end

  defp schedule(state), do: state

  defp again(%{viewers: none} = state) when none == %{}, do: %{state | timer: nil}
  defp again(state), do: schedule(%{state | timer: nil})

  defp publish(state) do
    {changed, gone, items} = Items.changes(state.items)
    replay? = Telemetry.replaying() != nil

    if changed == [] and gone == [] and replay? == state.replay? do
      %{state | items: items}
    else
      version = state.version + 1
      :ets.insert(__MODULE__, for({key, item} <- changed, do: {key, version, item}))
      :ets.insert(__MODULE__, for(key <- gone, do: {key, version, :gone}))
      # Last: who reads this version has its items.
      :ets.insert(__MODULE__, {:version, version})

      if gone != [] do
        Process.send_after(self(), {:sweep, Enum.map(gone, &{&1, version})}, @tombstone_ms)
      end

      for {pid, {_, flags}} <- state.viewers,
          :atomics.exchange(flags, @pending, 1) == 0,
          do: send(pid, {__MODULE__, :changed})

      %{state | items: items, replay?: replay?, version: version}
    end
  end
end
