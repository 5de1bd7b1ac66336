defmodule AMDGPU.OutOfMemoryError do
  @moduledoc """
  There is no room for an allocation. Sizes are bytes.

    * `asked` - what did not fit
    * `free`, `largest_free` - in all free blocks of the pool, and in the largest
    * `limit` - the limit that was hit, 0 when none was
    * `limited_by` - `:device` (its memory limit), `:owner` (the limit of each process) or `:system`
      (the machine has no more)
    * `holders` - who holds memory, largest first, as in `AMDGPU.Memory`
  """

  defexception [:asked, :free, :largest_free, :limit, :limited_by, holders: []]

  @type t :: %__MODULE__{
          asked: non_neg_integer(),
          free: non_neg_integer(),
          largest_free: non_neg_integer(),
          limit: non_neg_integer(),
          limited_by: :device | :owner | :system,
          holders: [AMDGPU.Memory.owner()]
        }

  @shown 3

  @impl true
  def message(error) do
    "no room for #{bytes(error.asked)}: #{cause(error)}; #{bytes(error.free)} free, the largest " <>
      "block #{bytes(error.largest_free)}#{holders(error.holders)}"
  end

  defp cause(%{limited_by: :owner, limit: limit}),
    do: "each process may hold #{bytes(limit)}"

  defp cause(%{limited_by: :device, limit: limit}) when limit > 0,
    do: "the device's limit is #{bytes(limit)}"

  defp cause(%{limited_by: :device}), do: "the device has no more"
  defp cause(_), do: "the system has no more"

  defp holders([]), do: ""

  defp holders(list) do
    shown =
      list
      |> Enum.take(@shown)
      |> Enum.map_join(", ", fn holder ->
        "#{who(holder)} #{bytes(holder.bytes)} in #{holder.buffers} #{buffers(holder.buffers)}"
      end)

    "; held by #{shown}"
  end

  defp who(%{name: name}) when name != nil, do: inspect(name)
  defp who(%{pid: nil}), do: "a process that has ended"
  defp who(%{pid: pid}), do: inspect(pid)

  defp buffers(1), do: "buffer"
  defp buffers(_), do: "buffers"

  defp bytes(n) when n >= 1_073_741_824, do: "#{Float.round(n / 1_073_741_824, 2)} GiB"
  defp bytes(n) when n >= 1_048_576, do: "#{Float.round(n / 1_048_576, 1)} MiB"
  defp bytes(n) when n >= 10_240, do: "#{Float.round(n / 1024, 1)} KiB"
  defp bytes(n), do: "#{n} bytes"
end
