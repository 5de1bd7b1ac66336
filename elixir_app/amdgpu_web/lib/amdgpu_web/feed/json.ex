defmodule AMDGPUWeb.Feed.JSON do
  @moduledoc false
  # Text that is JSON already, where a payload has to be a map.
  defstruct [:text]

  defimpl Jason.Encoder do
    def encode(%{text: text}, _options), do: text
  end

  if Code.ensure_loaded?(JSON.Encoder) do
    defimpl JSON.Encoder do
      def encode(%{text: text}, _encoder), do: text
    end
  end
end
