defmodule AMDGPUWeb.Feed do
  @moduledoc """
  Frames to those who look, 60 a second at most: channels and LiveViews.

  A frame is encoded once for all who asked for the same form of it. A subscriber is told by an atom that
  there is a frame, and takes the newest when it gets to it; it is not told of another before. So nobody
  has a queue: who is slow gets fewer frames, each of them the newest.

  What a browser has not read yet waits in the kernel's buffers, where no one sees it. A subscriber with
  `credit:` may have so many frames under way that its browser has not acknowledged (`ack/2`); the frames it
  gets are fresh, however slow its network is.
  """

  use GenServer

  alias AMDGPU.Telemetry
  alias AMDGPUWeb.Feed.{Frames, Options}

  # Fields of a subscriber's atomics.
  @pending 1
  @credit 2
  # The source makes no more.
  @period_ns 16_666_667
  # May be under way from the source; it keeps the latest for us all the same.
  @source_credit 4

  defmodule Subscriber do
    @moduledoc false
    # `credit`: nil where none is needed.
    defstruct [:pid, :monitor, :deliver, :flags, :key, :rate, :credit]
  end

  defmodule Group do
    @moduledoc false
    # Those with the same form and rate are due together.
    defstruct [:period_ns, :next_ns, members: %{}]
  end

  @typedoc "What a subscriber shares with us."
  @opaque flags :: :atomics.atomics_ref()

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc """
  Subscribes the calling process; again replaces the options. `deliver` says who is told, and how:

    * `{:signal, pid}` - messages that `pid` hands to `take/1`: `{AMDGPUWeb.Feed, _}` once, then
      `AMDGPUWeb.Feed` for each frame; a process can have one subscription
    * `{:push, pid, serializer}` - `{:socket_push, opcode, data}`, as Phoenix's transports take it
  """
  @spec subscribe(Options.t(), {:signal, pid()} | {:push, pid(), module()}) ::
          {:ok, flags()} | {:error, Exception.t()}
  def subscribe(%Options{} = options, deliver),
    do: GenServer.call(__MODULE__, {:subscribe, self(), options, deliver})

  @doc "Ends the calling process's subscription. What it was told of already may still come."
  @spec unsubscribe() :: :ok
  def unsubscribe, do: GenServer.call(__MODULE__, {:unsubscribe, self()})

  @doc "The browser has dealt with `frames` more. Who says too many gains nothing."
  @spec ack(flags(), Options.t(), pos_integer()) :: :ok
  def ack(_flags, %Options{credit: nil}, _frames), do: :ok

  def ack(flags, %Options{credit: credit}, frames) do
    :atomics.put(flags, @credit, min(credit, :atomics.get(flags, @credit) + min(frames, credit)))
  end

  @doc """
  The newest frame for the process that was told of one: messages `{:binary | :text, iodata}`, none if it
  has had that frame.
  """
  @spec take({module(), term()} | module()) :: [{:binary | :text, iodata()}]
  def take({__MODULE__, {_flags, _key, _credit?} = subscription}) do
    Process.put(__MODULE__, {subscription, nil})
    take(__MODULE__)
  end

  def take(__MODULE__) do
    {{flags, key, credit?} = subscription, had} = Process.get(__MODULE__)
    # In this order: a frame that comes in between is told of again, and then is not new.
    :atomics.put(flags, @pending, 0)

    case Frames.fetch(key) do
      {sequence, messages} when sequence != had ->
        Process.put(__MODULE__, {subscription, sequence})
        if credit?, do: :atomics.sub(flags, @credit, 1)
        messages

      _ ->
        []
    end
  end

  @doc "How many are subscribed, and how often a frame was skipped for one that was not ready."
  @spec stats() :: %{subscribers: non_neg_integer(), skipped: non_neg_integer()}
  def stats, do: GenServer.call(__MODULE__, :stats)

  @impl true
  def init(nil) do
    Frames.create()
    {:ok, %{subscribers: %{}, groups: %{}, skipped: 0}}
  end

  @impl true
  def handle_call({:subscribe, pid, options, deliver}, _from, state) do
    state = drop(state, pid)

    case follow(state) do
      :ok ->
        subscriber = subscriber(pid, options, deliver)
        {:reply, {:ok, subscriber.flags}, subscriber |> add(state) |> first(subscriber)}

      error ->
        {:reply, error, state}
    end
  end

  def handle_call({:unsubscribe, pid}, _from, state), do: {:reply, :ok, drop(state, pid)}

  def handle_call(:stats, _from, state),
    do: {:reply, %{subscribers: map_size(state.subscribers), skipped: state.skipped}, state}

  @impl true
  def handle_info({:amdgpu_frame, bytes}, state) do
    Telemetry.ack()
    {:noreply, publish(bytes, state)}
  end

  def handle_info({:DOWN, _monitor, :process, pid, _reason}, state),
    do: {:noreply, drop(state, pid)}

  def handle_info(_other, state), do: {:noreply, state}

  defp subscriber(pid, options, deliver) do
    flags = :atomics.new(2, signed: true)
    if options.credit, do: :atomics.put(flags, @credit, options.credit)

    %Subscriber{
      pid: pid,
      monitor: Process.monitor(pid),
      deliver: deliver,
      flags: flags,
      key: Options.key(options),
      rate: options.rate,
      credit: options.credit
    }
  end

  # The source is asked for frames only while somebody wants them.
  defp follow(%{subscribers: none}) when none == %{},
    do: Telemetry.subscribe(as: :encoded, credit: @source_credit)

  defp follow(_state), do: :ok

  defp add(subscriber, state) do
    id = {subscriber.key, subscriber.rate}
    new = %Group{period_ns: round(1.0e9 / subscriber.rate)}
    group = Map.get(state.groups, id, new)
    group = %{group | members: Map.put(group.members, subscriber.pid, subscriber)}

    %{
      state
      | groups: Map.put(state.groups, id, group),
        subscribers: Map.put(state.subscribers, subscriber.pid, subscriber)
    }
  end

  defp drop(state, pid) do
    case Map.pop(state.subscribers, pid) do
      {nil, _} ->
        state

      {subscriber, rest} ->
        Process.demonitor(subscriber.monitor, [:flush])
        if rest == %{}, do: Telemetry.unsubscribe()
        id = {subscriber.key, subscriber.rate}
        group = Map.fetch!(state.groups, id)
        members = Map.delete(group.members, pid)

        groups =
          if members == %{},
            do: Map.delete(state.groups, id),
            else: Map.put(state.groups, id, %{group | members: members})

        %{state | subscribers: rest, groups: groups}
    end
  end

  # Who comes sees something at once.
  defp first(state, subscriber) do
    messages =
      case AMDGPU.ProfilerHub.latest() do
        nil -> nil
        bytes -> Frames.make([subscriber.key], bytes)
      end

    case subscriber do
      %{deliver: {:signal, pid}, flags: flags, key: key, credit: credit} ->
        :atomics.put(flags, @pending, 1)
        send(pid, {__MODULE__, {flags, key, credit != nil}})

      _ ->
        if messages, do: tell(subscriber, messages)
    end

    state
  end

  defp publish(bytes, state) do
    now = System.monotonic_time(:nanosecond)
    due = Enum.filter(state.groups, fn {_id, group} -> due?(group, now) end)
    keys = due |> Enum.map(fn {{key, _rate}, _group} -> key end) |> Enum.uniq()
    messages = Frames.make(keys, bytes)

    Enum.reduce(due, state, fn {id, group}, state ->
      skipped =
        Enum.reduce(group.members, state.skipped, fn {_pid, subscriber}, skipped ->
          if tell(subscriber, messages), do: skipped, else: skipped + 1
        end)

      group = %{group | next_ns: next(group, now)}
      %{state | skipped: skipped, groups: Map.put(state.groups, id, group)}
    end)
  end

  defp due?(%{next_ns: nil}, _now), do: true

  # A frame a little early is better than one that comes a whole interval late.
  defp due?(%{period_ns: period, next_ns: next}, now),
    do: now + div(min(period, @period_ns), 2) >= next

  # In step, unless it has fallen out of it.
  defp next(%{period_ns: period, next_ns: next}, now),
    do: if(next != nil and abs(now - next) < period, do: next + period, else: now + period)

  defp tell(%{credit: nil} = subscriber, messages),
    do: tell(subscriber.deliver, subscriber, messages)

  defp tell(%{flags: flags} = subscriber, messages) do
    if :atomics.get(flags, @credit) > 0,
      do: tell(subscriber.deliver, subscriber, messages),
      else: false
  end

  defp tell({:signal, pid}, %{flags: flags}, _messages) do
    told? = :atomics.exchange(flags, @pending, 1) == 0
    if told?, do: send(pid, __MODULE__)
    told?
  end

  # A transport that knows nothing of us: its mailbox says whether it keeps up.
  defp tell({:push, pid, serializer}, subscriber, messages) do
    case Process.info(pid, :message_queue_len) do
      {:message_queue_len, waiting} when waiting <= 2 ->
        if subscriber.credit, do: :atomics.sub(subscriber.flags, @credit, 1)

        for message <- Map.fetch!(messages, subscriber.key),
            do: send(pid, Frames.push(message, serializer))

        true

      _ ->
        false
    end
  end
end
