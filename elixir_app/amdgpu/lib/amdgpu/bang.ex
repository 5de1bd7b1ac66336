defmodule AMDGPU.Bang do
  @moduledoc false
  # What every function with a `!` does with the result of its twin.

  @spec value!(:ok | {:ok, value} | {:error, Exception.t()}) :: :ok | value when value: term()
  def value!(:ok), do: :ok
  def value!({:ok, value}), do: value
  def value!({:error, error}), do: raise(error)
end
