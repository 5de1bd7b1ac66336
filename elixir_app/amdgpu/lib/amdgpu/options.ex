defmodule AMDGPU.Options do
  @moduledoc false
  # Checks keyword lists: unknown keys and wrong values are errors that name them.

  alias AMDGPU.Error

  @type check :: (term() -> boolean())

  @doc """
  Merges `options` into `defaults` after checking them. `checks` is a keyword list of
  `key: {default, check, expected_in_words}`.
  """
  @spec validate(term(), keyword({term(), check(), String.t()})) ::
          {:ok, map()} | {:error, Error.t()}
  def validate(options, checks) do
    defaults = Map.new(checks, fn {key, {default, _, _}} -> {key, default} end)

    if Keyword.keyword?(options) do
      Enum.reduce_while(options, {:ok, defaults}, fn {key, value}, {:ok, valid} ->
        case check(checks[key], value) do
          :ok -> {:cont, {:ok, Map.put(valid, key, value)}}
          :unknown -> {:halt, {:error, unknown(key, checks)}}
          {:wrong, expected} -> {:halt, {:error, wrong(key, expected, value)}}
        end
      end)
    else
      {:error, Error.invalid("options: expected a keyword list, got #{inspect(options)}")}
    end
  end

  defp check(nil, _value), do: :unknown

  defp check({_default, check, expected}, value),
    do: if(check.(value), do: :ok, else: {:wrong, expected})

  defp unknown(key, checks) do
    known = checks |> Keyword.keys() |> Enum.map_join(", ", &inspect/1)
    Error.invalid("unknown option #{inspect(key)}; the options are #{known}")
  end

  defp wrong(key, expected, value),
    do: Error.invalid("option #{inspect(key)}: expected #{expected}, got #{inspect(value)}")

  def natural?(value), do: is_integer(value) and value >= 0 and value < 0x10000000000000000
  def positive?(value), do: natural?(value) and value > 0
  def timeout?(value), do: value == :infinity or (positive?(value) and value <= 0xFFFFFFFF)
  def stream?(value), do: is_nil(value) or is_struct(value, AMDGPU.Stream)
end
