defmodule AMDGPU.LaunchError do
  @moduledoc """
  A launch was refused before anything reached the device.

    * `kernel` - its name
    * `argument` - the position of the wrong argument, from 0; nil when it is not about an argument
    * `name` - the parameter's name in the source, or the option
    * `expected`, `got` - in words
  """

  defexception [:kernel, :argument, :name, :expected, :got]

  @type t :: %__MODULE__{
          kernel: String.t(),
          argument: non_neg_integer() | nil,
          name: String.t(),
          expected: String.t(),
          got: String.t()
        }

  @impl true
  def message(%{argument: nil} = error),
    do: "#{prefix(error)}#{named(error.name)}expected #{error.expected}, got #{error.got}"

  def message(error) do
    parameter = if error.name == "", do: "", else: " (#{error.name})"

    "#{prefix(error)}argument #{error.argument}#{parameter}: " <>
      "expected #{error.expected}, got #{error.got}"
  end

  defp prefix(%{kernel: ""}), do: "launch refused: "
  defp prefix(%{kernel: kernel}), do: "launch of #{kernel} refused: "

  defp named(""), do: ""
  defp named(name), do: "#{name}: "
end
