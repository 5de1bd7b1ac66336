defmodule AMDGPUWeb.Feed.Frames do
  @moduledoc false
  # The newest frame in every form that somebody asked for, as messages of the channel's protocol. Kept in
  # a table, from which subscribers take it; the bytes are shared.

  alias AMDGPU.Telemetry
  alias Phoenix.Socket.{Broadcast, V2}

  # `:raw` is the frame's bytes alone, without the head of a channel's message.
  @type key ::
          {:protobuf | :json | :raw, [AMDGPUWeb.Feed.Options.topic()], launches? :: boolean()}

  @topic "gpu:telemetry"
  @all [:devices, :kernels, :memory]
  # A message tells of no more launches; the frame has them all.
  @most_launches 32

  def topic, do: @topic

  def create do
    :ets.new(__MODULE__, [:named_table, :protected, read_concurrency: true])
  end

  @doc "Makes the messages for those keys: `%{key => [{event, payload}]}`, oldest first."
  def make([], _bytes), do: %{}

  def make(keys, bytes) do
    sequence = sequence(bytes)
    launches = if Enum.any?(keys, &elem(&1, 2)), do: launches(bytes)

    for key <- keys, into: %{} do
      events = events(key, bytes, launches)
      :ets.insert(__MODULE__, {key, sequence, Enum.map(events, &encode/1)})
      {key, events}
    end
  end

  defp events({:raw, topics, _}, bytes, _launches), do: [{:binary, pruned(bytes, topics)}]

  defp events({_, _, launches?} = key, bytes, launches) do
    update = {"telemetry_update", payload(key, bytes)}
    if launches? and launches != nil, do: [{"kernel_launched", launches}, update], else: [update]
  end

  @doc "A frame's own number: its first field."
  def sequence(<<8, rest::binary>>), do: varint(rest, 0, 0)
  def sequence(_other), do: 0

  defp varint(<<1::1, low::7, rest::binary>>, shift, sum),
    do: varint(rest, shift + 7, sum + Bitwise.bsl(low, shift))

  defp varint(<<0::1, low::7, _::binary>>, shift, sum), do: sum + Bitwise.bsl(low, shift)
  defp varint(_broken, _shift, _sum), do: 0

  @doc "The newest of a key: its sequence, and what is sent."
  def fetch(key) do
    case :ets.lookup(__MODULE__, key) do
      [{_, sequence, messages}] -> {sequence, messages}
      [] -> nil
    end
  end

  @doc "An event, as a transport is asked to send it."
  def push({event, payload}, serializer),
    do: serializer.fastlane!(%Broadcast{topic: @topic, event: event, payload: payload})

  defp encode({:binary, bytes}), do: {:binary, bytes}

  defp encode({event, payload}) do
    {:socket_push, opcode, data} = push({event, payload}, V2.JSONSerializer)
    {opcode, data}
  end

  defp payload({:protobuf, topics, _}, bytes), do: {:binary, pruned(bytes, topics)}

  defp payload({:json, topics, _}, bytes) do
    {:ok, json} = Telemetry.to_json(bytes, topics)
    # The serializer wants a map; the text is made already.
    %AMDGPUWeb.Feed.JSON{text: json}
  end

  defp pruned(bytes, topics) do
    if topics == @all do
      bytes
    else
      {:ok, pruned} = Telemetry.prune(bytes, topics)
      pruned
    end
  end

  defp launches(bytes) do
    case Telemetry.decode!(bytes, [:kernels]) do
      %{launches: []} ->
        nil

      frame ->
        kernels = Map.new(frame.kernels, &{&1.kernel, &1.name})
        owners = Map.new(frame.owners, &{&1.owner, &1.process})
        told = Enum.take(frame.launches, -@most_launches)

        %{
          sequence: frame.sequence,
          count: length(frame.launches) + frame.launches_omitted,
          launches: Enum.map(told, &launch(&1, kernels, owners))
        }
    end
  end

  defp launch(launch, kernels, owners) do
    %{
      device: launch.device,
      ticket: launch.ticket,
      kernel: Map.get(kernels, launch.kernel, ""),
      core_class: launch.core_class || "unspecified",
      stream: launch.stream,
      process: Map.get(owners, launch.owner, ""),
      label: launch.label,
      queued_ns: launch.queued_ns,
      started_ns: launch.started_ns,
      ended_ns: launch.ended_ns,
      status: launch.status
    }
  end
end
