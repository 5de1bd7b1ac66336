defmodule AMDGPU.ProfilerHub do
  @moduledoc """
  Receives the telemetry frames of this VM, keeps the last 1000 and serves those who subscribed with
  `AMDGPU.Telemetry.subscribe/1`.

  Frames come encoded, 60 a second, from a native thread that joins what all devices do; every
  subscriber of the same topics gets the same binary. A subscriber that does not keep up is never queued
  for: it gets the latest frame when it is ready again, and those in between are skipped.

  While nobody is subscribed it is woken a few times a second only, with some frames at a time.

  It starts to work when the first device is opened or somebody subscribes. Configuration of the
  application `:amdgpu`:

    * `telemetry: [rate: 60, publish: true]` - frames a second (1 to 1000) while somebody looks, a subscriber
      or an attached process (one a second while nobody does, one in ten seconds
      when nothing happens either), and whether other processes of
      this user (the gateway, `amdgpu top`) may attach. `telemetry: false` turns it all off
  """

  use GenServer
  require Logger

  alias AMDGPU.{Error, Native}
  alias AMDGPU.Telemetry.Courier

  @window 1000
  @key {__MODULE__, :started}

  defmodule Subscriber do
    @moduledoc false
    # `phase` grows by rate / native rate with each frame; a frame is due when it reaches 1.
    defstruct [:pid, :monitor, :courier, :rate, :as, :topics, :credit, phase: 1.0, behind: false]
  end

  defmodule State do
    @moduledoc false
    defstruct started: false,
              rate: 60.0,
              subscribers: %{},
              window: :queue.new(),
              length: 0,
              latest: nil,
              cache: %{},
              skipped: 0
  end

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc false
  @spec ensure_started() :: :ok | {:error, Error.t()}
  def ensure_started, do: GenServer.call(__MODULE__, :ensure_started, :infinity)

  @doc false
  def subscribe(pid, options),
    do: GenServer.call(__MODULE__, {:subscribe, pid, options}, :infinity)

  @doc false
  def unsubscribe(pid), do: GenServer.call(__MODULE__, {:unsubscribe, pid}, :infinity)

  @doc false
  def ack(pid), do: send(__MODULE__, {:ack, pid})

  @doc "The latest frame, encoded; nil before there is one."
  @spec latest() :: binary() | nil
  def latest, do: GenServer.call(__MODULE__, :latest)

  @doc "The last frames (at most 1000), encoded, oldest first."
  @spec window(pos_integer()) :: [binary()]
  def window(count \\ @window), do: GenServer.call(__MODULE__, {:window, count})

  @doc "Pids that are subscribed now."
  @spec subscribers() :: [pid()]
  def subscribers, do: GenServer.call(__MODULE__, :subscribers)

  @doc false
  def set_rate(rate), do: GenServer.call(__MODULE__, {:set_rate, rate})

  # One of the recorder's or the replay's functions, on behalf of the caller: they come one at a time.
  @doc false
  def call_native(fun, arguments),
    do: GenServer.call(__MODULE__, {:call_native, fun, arguments}, :infinity)

  @impl true
  def init(nil) do
    Process.flag(:trap_exit, true)
    # After a crash devices may be open: their frames go on.
    if :persistent_term.get(@key, false), do: send(self(), :start)
    {:ok, %State{}}
  end

  @impl true
  def handle_call(:ensure_started, _from, state) do
    {result, state} = start(state)
    {:reply, result, state}
  end

  def handle_call({:subscribe, pid, options}, _from, state) do
    case start(state) do
      {:ok, %{started: true} = state} ->
        {:reply, :ok, add(drop(state, pid), pid, options)}

      {:ok, state} ->
        error = %Error{code: :failed_precondition, message: "telemetry is turned off"}
        {:reply, {:error, error}, state}
    end
  end

  def handle_call({:unsubscribe, pid}, _from, state), do: {:reply, :ok, drop(state, pid)}
  def handle_call(:latest, _from, state), do: {:reply, state.latest, state}

  def handle_call({:window, count}, _from, state) do
    frames = :queue.to_list(state.window)
    {:reply, Enum.drop(frames, max(0, state.length - count)), state}
  end

  def handle_call(:subscribers, _from, state), do: {:reply, Map.keys(state.subscribers), state}

  def handle_call({:call_native, fun, arguments}, _from, state),
    do: {:reply, apply(fun, arguments), state}

  def handle_call({:set_rate, rate}, _from, state) do
    {result, state} = start(state)
    if state.started, do: Native.telemetry_set_rate(rate / 1)
    {:reply, result, %{state | rate: native_rate(state)}}
  end

  @impl true
  def handle_info({:amdgpu_frames, frames, skipped}, state) do
    Native.telemetry_ack(1)
    state = Enum.reduce(frames, %{state | skipped: state.skipped + skipped}, &remember/2)
    state = %{state | latest: List.last(frames), cache: %{}}
    {:noreply, Enum.reduce(state.subscribers, state, &offer/2)}
  end

  def handle_info({:ack, pid}, state) do
    case state.subscribers do
      %{^pid => %{behind: true} = subscriber} ->
        {:noreply, deliver(%{subscriber | credit: subscriber.credit + 1}, state)}

      %{^pid => subscriber} ->
        {:noreply, put(state, %{subscriber | credit: subscriber.credit + 1})}

      %{} ->
        {:noreply, state}
    end
  end

  # A process began to own something: frames name it. Its registered name is looked up by another
  # process, as the owner may be busy and slow to answer.
  def handle_info({:amdgpu_owner, owner, pid}, state) do
    spawn(fn ->
      with {:registered_name, name} when is_atom(name) <- Process.info(pid, :registered_name) do
        process = pid |> :erlang.pid_to_list() |> List.to_string()
        Native.telemetry_name_owner(owner, process, Atom.to_string(name))
      end
    end)

    {:noreply, state}
  end

  def handle_info({:DOWN, _monitor, :process, pid, _reason}, state),
    do: {:noreply, drop(state, pid)}

  def handle_info(:start, state) do
    {_result, state} = start(state)
    {:noreply, state}
  end

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(reason, %{started: true}) when reason in [:normal, :shutdown],
    do: stop()

  def terminate({:shutdown, _}, %{started: true}), do: stop()
  def terminate(_reason, _state), do: :ok

  defp stop do
    :persistent_term.put(@key, false)
    Native.telemetry_stop_replay()
    Native.telemetry_stop_recording()
    Native.telemetry_stop()
  end

  defp start(%{started: true} = state), do: {:ok, state}

  defp start(state) do
    case Application.get_env(:amdgpu, :telemetry, []) do
      off when off in [false, nil] ->
        {:ok, state}

      options ->
        # One that went to a hub that crashed.
        Native.telemetry_stop_replay()
        rate = Keyword.get(options, :rate, 60)
        publish = Keyword.get(options, :publish, true)

        case Native.telemetry_start(rate / 1, publish, self()) do
          {:ok, _socket} ->
            :ok

          # Frames come all the same; only other processes do not see them.
          {:error, {_code, message, _detail}} ->
            Logger.warning("AMDGPU telemetry is not visible to other processes: #{message}")
        end

        :persistent_term.put(@key, true)
        state = %{state | started: true}
        {:ok, %{state | rate: native_rate(state)}}
    end
  end

  defp native_rate(%{started: true}), do: Native.telemetry_rate()
  defp native_rate(state), do: state.rate

  defp add(state, pid, options) do
    {courier, credit} =
      case options.credit do
        :auto -> {Courier.start(self(), pid), Courier.credit()}
        count -> {nil, count}
      end

    subscriber = %Subscriber{
      pid: pid,
      monitor: Process.monitor(pid),
      courier: courier,
      rate: options.rate,
      as: options.as,
      topics: options.topics,
      credit: credit
    }

    report(put(state, subscriber))
  end

  defp drop(state, pid) do
    case Map.pop(state.subscribers, pid) do
      {nil, _} ->
        state

      {subscriber, rest} ->
        Process.demonitor(subscriber.monitor, [:flush])
        if subscriber.courier, do: Courier.stop(subscriber.courier)
        report(%{state | subscribers: rest})
    end
  end

  defp report(state) do
    Native.telemetry_set_subscribers(map_size(state.subscribers))
    state
  end

  defp put(state, subscriber),
    do: %{state | subscribers: Map.put(state.subscribers, subscriber.pid, subscriber)}

  defp remember(frame, %{length: @window} = state),
    do: %{state | window: :queue.in(frame, :queue.drop(state.window))}

  defp remember(frame, state),
    do: %{state | window: :queue.in(frame, state.window), length: state.length + 1}

  # A new frame, for one subscriber.
  defp offer({_pid, subscriber}, state) do
    phase = subscriber.phase + subscriber.rate / max(state.rate, subscriber.rate)

    cond do
      # A little less than 1: rates are divided with rounding.
      phase < 0.999 ->
        put(state, %{subscriber | phase: phase})

      subscriber.credit > 0 ->
        deliver(%{subscriber | phase: min(phase - 1.0, 1.0)}, state)

      true ->
        put(state, %{subscriber | phase: min(phase - 1.0, 1.0), behind: true})
    end
  end

  defp deliver(subscriber, state) do
    {frame, state} = frame_for(subscriber, state)
    send(subscriber.pid, {:amdgpu_frame, frame})
    if subscriber.courier, do: Courier.check(subscriber.courier)
    put(state, %{subscriber | credit: subscriber.credit - 1, behind: false})
  end

  # What all subscribers of the same kind get: made once for each frame.
  defp frame_for(%{as: :encoded, topics: 7}, state), do: {state.latest, state}

  defp frame_for(%{as: as, topics: topics}, state) do
    key = {as, topics}

    case state.cache do
      %{^key => frame} ->
        {frame, state}

      %{} ->
        frame = make(as, state.latest, topics)
        {frame, %{state | cache: Map.put(state.cache, key, frame)}}
    end
  end

  defp make(:decoded, bytes, topics), do: AMDGPU.Telemetry.decode!(bytes, topics)

  defp make(:encoded, bytes, topics) do
    {:ok, pruned} = Native.frame_prune(bytes, topics)
    pruned
  end
end
