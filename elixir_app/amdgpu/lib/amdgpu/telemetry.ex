defmodule AMDGPU.Telemetry do
  @moduledoc """
  Live telemetry: up to 60 times a second a frame with what the devices, the memory pools and the kernels
  do.

      :ok = AMDGPU.Telemetry.subscribe()

      receive do
        {:amdgpu_frame, %AMDGPU.Telemetry.Frame{} = frame} -> frame.devices
      end

  A subscriber that is busy skips frames; nothing piles up in its mailbox. What happened in frames that
  it missed is in the totals of the next.

  ## Events

  `attach/4` calls a function for aggregated events, in the manner of the `:telemetry` library; if that
  library is loaded and has handlers for them, they are executed there, too:

  | event | measurements | metadata |
  |---|---|---|
  | `[:amdgpu, :launch, :stop]` | `count`, `failed`, `duration`, `wait` (ns, added up), `bytes`, `flops` | `device`, `kernel`, `core_class` |
  | `[:amdgpu, :copy, :stop]` | `count`, `bytes`, `duration` (ns) | `device`, `direction` |
  | `[:amdgpu, :compile, :stop]` | `duration` (ns) | `device`, `kernel`, `origin`, `status`, `specialisation` |
  | `[:amdgpu, :device, :opened]`, `:closed`, `:lost`, `:restarted` | `time` (monotonic ns) | `device`, `message` |
  | `[:amdgpu, :pool, :grew]`, `:shrank` | `bytes` | `device` |

  Launches and copies come at most once a frame for each kernel and direction, never one by one.

  ## Recordings

  `record/2` keeps the newest frames on disk, within a limit, until `stop_recording/0`; what is there
  outlives the VM, however that ends. `replay/2` gives a recording to whoever is subscribed, and to other
  processes, as if it were live. `mix amdgpu.export` makes traces and tables of it.
  """

  alias AMDGPU.{Bang, Error, Native, Options, ProfilerHub}
  alias AMDGPU.Telemetry.{Events, Frame, Recording}

  @topics %{devices: 1, kernels: 2, memory: 4}
  @all 7

  @type topic :: :devices | :kernels | :memory

  @doc """
  Sends `{:amdgpu_frame, frame}` messages to the calling process from now on. Subscribing again replaces
  the options.

    * `rate:` - frames a second, at most: 60 (the default), 30, 10 or 1
    * `as:` - `:decoded` (an `AMDGPU.Telemetry.Frame`, the default) or `:encoded` (the binary, for
      `decode/2` or to be passed on)
    * `topics:` - some of `[:devices, :kernels, :memory]`; all by default
    * `credit:` - how many frames may be under way before the subscriber calls `ack/0`; `:auto`, the
      default, looks at how many messages wait in its mailbox instead
  """
  @spec subscribe(keyword()) :: :ok | {:error, Error.t()}
  def subscribe(options \\ []) do
    with {:ok, options} <- Options.validate(options, checks()) do
      ProfilerHub.subscribe(self(), %{options | topics: mask(options.topics)})
    end
  end

  @doc "Like `subscribe/1`, but raises."
  @spec subscribe!(keyword()) :: :ok
  def subscribe!(options \\ []), do: Bang.value!(subscribe(options))

  @doc "Ends the calling process's subscription. A frame may still be in its mailbox."
  @spec unsubscribe() :: :ok
  def unsubscribe, do: ProfilerHub.unsubscribe(self())

  @doc "The calling process has dealt with a frame: for subscriptions with `credit:`."
  @spec ack() :: :ok
  def ack do
    ProfilerHub.ack(self())
    :ok
  end

  @doc "Decodes a frame, or those topics of it."
  @spec decode(binary(), [topic()]) :: {:ok, Frame.t()} | {:error, Error.t()}
  def decode(bytes, topics \\ Map.keys(@topics)) when is_binary(bytes),
    do: decode_mask(bytes, mask(topics))

  @doc "Like `decode/2`, but raises."
  @spec decode!(binary(), [topic()] | 0..7) :: Frame.t()
  def decode!(bytes, topics \\ @all)
  def decode!(bytes, mask) when is_integer(mask), do: Bang.value!(decode_mask(bytes, mask))
  def decode!(bytes, topics), do: Bang.value!(decode(bytes, topics))

  defp decode_mask(bytes, mask) do
    case Native.frame_decode(bytes, mask) do
      {:ok, frame} -> {:ok, struct!(Frame, frame)}
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  @doc "An encoded frame with those topics alone, encoded again."
  @spec prune(binary(), [topic()]) :: {:ok, binary()} | {:error, Error.t()}
  def prune(bytes, topics) when is_binary(bytes),
    do: convert(bytes, topics, &Native.frame_prune/2)

  @doc """
  An encoded frame, or those topics of it, as JSON: with the names of `proto/telemetry.proto`, as protobuf
  maps it (64-bit numbers are strings).
  """
  @spec to_json(binary(), [topic()]) :: {:ok, String.t()} | {:error, Error.t()}
  def to_json(bytes, topics \\ Map.keys(@topics)) when is_binary(bytes),
    do: convert(bytes, topics, &Native.frame_json/2)

  defp convert(bytes, topics, convert) do
    case convert.(bytes, mask(topics)) do
      {:ok, converted} -> {:ok, converted}
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  @doc "The latest frame; nil before there is one. While nobody is subscribed it may be a quarter of a second old."
  @spec latest() :: Frame.t() | nil
  def latest do
    case ProfilerHub.latest() do
      nil -> nil
      bytes -> decode!(bytes)
    end
  end

  @doc """
  A value of a device of a frame: `value(device, :power_watts)`. `label` tells several of a kind apart
  (sensors, clock domains). `{:absent, reason}` if there is none, and why.
  """
  @spec value(map(), atom(), String.t()) :: {:ok, float()} | {:absent, atom()}
  def value(device, metric, label \\ "") do
    case Enum.find(device.values, &(&1.metric == metric and &1.label == label)) do
      nil -> {:absent, :unsupported}
      %{absence: nil, value: value} -> {:ok, value}
      %{absence: reason} -> {:absent, reason}
    end
  end

  @doc "Frames a second; 0.0 while telemetry is off."
  @spec rate() :: float()
  def rate, do: Native.telemetry_rate()

  @doc "Changes how many frames a second are made, 1 to 1000; 0 turns everything off until it is set again."
  @spec set_rate(number()) :: :ok | {:error, Error.t()}
  def set_rate(rate) when is_number(rate) and rate >= 0 and rate <= 1000,
    do: ProfilerHub.set_rate(rate)

  def set_rate(rate),
    do: {:error, Error.invalid("rate: expected a number from 0 to 1000, got #{inspect(rate)}")}

  @doc "Like `set_rate/1`, but raises."
  @spec set_rate!(number()) :: :ok
  def set_rate!(rate), do: Bang.value!(set_rate(rate))

  @doc """
  Keeps the newest frames in the directory `path`, which is made if need be, from now on: all of them, 60 a
  second, whether somebody is subscribed or not. What an earlier recording left there is kept and counts.
  A recording that is going on is ended.

    * `bytes:` - of all files together, at least 4 MiB; 256 MiB by default. The oldest go first
    * `seconds:` - how far back; 0, the default: as far as the bytes reach

  An error of the disk later on ends the recording; `recording/0` says so. When the VM is killed at most
  the last half second is lost.
  """
  @spec record(Path.t(), keyword()) :: :ok | {:error, Error.t()}
  def record(path, options \\ []), do: Recording.record(path, options)

  @doc "Like `record/2`, but raises."
  @spec record!(Path.t(), keyword()) :: :ok
  def record!(path, options \\ []), do: Bang.value!(record(path, options))

  @doc "Ends the recording; everything is on disk when it returns."
  @spec stop_recording() :: :ok | {:error, :not_recording}
  def stop_recording, do: Recording.stop_recording()

  @doc """
  How the recording does: `path`; `bytes` and `segments` that are on disk; `frames` written and `dropped`
  since `record/2`; `span`, the `{oldest, newest}` times on disk (nil if there is nothing); `error`, nil
  unless it ended by one. nil if there is no recording.
  """
  @spec recording() :: map() | nil
  def recording, do: Recording.recording()

  @doc """
  Gives the frames of a recording (its directory, or one file of it) to the subscribers of this VM
  instead of live ones, and to processes that attach (the gateway, `amdgpu top`), at the pace at which
  they were made. A replay that is going on is ended.

    * `speed:` - 2 is twice as fast; 1 by default
    * `loop:` - from the beginning again, for ever; false by default
    * `from:` - seconds from the beginning of the recording to start at; 0 by default
    * `publish:` - whether other processes may attach; true by default
  """
  @spec replay(Path.t(), keyword()) :: :ok | {:error, Error.t()}
  def replay(path, options \\ []), do: Recording.replay(path, options)

  @doc "Like `replay/2`, but raises."
  @spec replay!(Path.t(), keyword()) :: :ok
  def replay!(path, options \\ []), do: Bang.value!(replay(path, options))

  @doc "Ends the replay; live frames come again."
  @spec stop_replay() :: :ok | {:error, :not_replaying}
  def stop_replay, do: Recording.stop_replay()

  @doc """
  How the replay does: whether it has `ended`; `frames` in the recording and how many of them were
  `given`; `position` and `length` in seconds; `damage`, what could not be read, in words. nil if there is
  none; one that has ended is there until `stop_replay/0`.
  """
  @spec replaying() :: map() | nil
  def replaying, do: Recording.replaying()

  @doc """
  Calls `fun.(event, measurements, metadata, config)` for each of `events` (one, or a list) from now on,
  from a process of the library. A function that raises is detached, and the log says so.
  """
  @spec attach(term(), [atom()] | [[atom()]], (... -> term()), term()) ::
          :ok | {:error, :already_exists}
  def attach(id, events, fun, config \\ nil) when is_function(fun, 4),
    do: Events.attach(id, events, fun, config)

  @doc "Ends `attach/4` of this id."
  @spec detach(term()) :: :ok | {:error, :not_found}
  def detach(id), do: Events.detach(id)

  defp checks do
    [
      rate: {60, &(&1 in [60, 30, 10, 1]), "60, 30, 10 or 1"},
      as: {:decoded, &(&1 in [:decoded, :encoded]), ":decoded or :encoded"},
      topics: {Map.keys(@topics), &topics?/1, "a list of some of :devices, :kernels and :memory"},
      credit:
        {:auto, &(&1 == :auto or (is_integer(&1) and &1 in 1..1000)),
         ":auto or a number of frames"}
    ]
  end

  defp topics?(list),
    do: is_list(list) and list != [] and Enum.all?(list, &is_map_key(@topics, &1))

  defp mask(topics), do: topics |> Enum.uniq() |> Enum.map(&Map.fetch!(@topics, &1)) |> Enum.sum()
end
