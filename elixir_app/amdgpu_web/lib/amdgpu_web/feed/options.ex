defmodule AMDGPUWeb.Feed.Options do
  @moduledoc """
  What a subscriber wants, as a join's payload says it; the same as for the gateway's channel, and two more.

    * `"rate"` - frames a second at most, 0.1 to 1000; 60 by default, and never more
    * `"encoding"` - `"protobuf"` (the default) or `"json"`
    * `"topics"` - some of `["devices", "kernels", "memory"]`; all by default
    * `"credit"` - how many frames may be under way that the client has not acknowledged (1 to 600); without
      it none need be
    * `"launch_events"` - false: no `kernel_launched`; a client that reads launches from the frames has
      no use for it
  """

  defstruct rate: 60,
            encoding: :protobuf,
            topics: [:devices, :kernels, :memory],
            credit: nil,
            launch_events: true

  @type topic :: :devices | :kernels | :memory
  @type t :: %__MODULE__{
          rate: number(),
          encoding: :protobuf | :json | :raw,
          topics: [topic()],
          credit: pos_integer() | nil,
          launch_events: boolean()
        }

  @topics %{"devices" => :devices, "kernels" => :kernels, "memory" => :memory}

  @doc "Of a join's payload; the error says which field is wrong and what it may be."
  @spec parse(map()) :: {:ok, t()} | {:error, String.t()}
  def parse(payload) when is_map(payload) do
    Enum.reduce_while(payload, {:ok, %__MODULE__{}}, fn {name, value}, {:ok, options} ->
      case field(name, value) do
        :ignored -> {:cont, {:ok, options}}
        {:ok, key, value} -> {:cont, {:ok, Map.put(options, key, value)}}
        {:error, why} -> {:halt, {:error, why}}
      end
    end)
  end

  def parse(_payload), do: {:error, "the payload must be an object"}

  @doc "What all who want the same form of a frame have in common."
  @spec key(t()) :: AMDGPUWeb.Feed.Frames.key()
  def key(options) do
    launches = options.launch_events and :kernels in options.topics
    {options.encoding, Enum.sort(options.topics), launches}
  end

  defp field("rate", value) when is_number(value) and value >= 0.1 and value <= 1000,
    do: {:ok, :rate, value}

  defp field("rate", _),
    do: {:error, "rate must be a number of frames a second, 0.1 to 1000"}

  defp field("encoding", "protobuf"), do: {:ok, :encoding, :protobuf}
  defp field("encoding", "json"), do: {:ok, :encoding, :json}
  defp field("encoding", _), do: {:error, ~s(encoding must be "protobuf" or "json")}

  defp field("topics", [_ | _] = names) do
    if Enum.all?(names, &is_map_key(@topics, &1)),
      do: {:ok, :topics, names |> Enum.map(&@topics[&1]) |> Enum.uniq()},
      else: field("topics", nil)
  end

  defp field("topics", _) do
    {:error, ~s(topics must be a list of "devices", "kernels", "memory", and not empty)}
  end

  defp field("credit", value) when is_integer(value) and value in 1..600,
    do: {:ok, :credit, value}

  defp field("credit", _), do: {:error, "credit must be a number of frames, 1 to 600"}

  defp field("launch_events", value) when is_boolean(value), do: {:ok, :launch_events, value}
  defp field("launch_events", _), do: {:error, "launch_events must be true or false"}
  defp field(_other, _value), do: :ignored
end
