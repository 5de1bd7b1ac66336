defmodule AMDGPU.Memory do
  @moduledoc """
  A report on a device's memory pool, from `AMDGPU.memory/1`. Sizes are bytes.

    * `reserved` - held from the device, in `pool_count` slabs
    * `used` - in blocks handed out, rounding included; `peak` is the most it ever was
    * `requested` - what callers asked for
    * `largest_free` - the largest allocation that needs no growth
    * `limit` - most the pool may reserve; 0 when there is none
    * `fragmentation_ratio` - 1 − largest free block / all free bytes; 0.0 when nothing is free
    * `allocations`, `frees` - counted since the device was opened
    * `owners` - who holds memory, largest first: `%{pid:, name:, bytes:, buffers:}`. `pid` is nil for
      a process that has ended and whose launches still run; `name` is its registered name
  """

  @enforce_keys [
    :reserved,
    :used,
    :requested,
    :peak,
    :largest_free,
    :limit,
    :fragmentation_ratio,
    :pool_count,
    :allocations,
    :frees,
    :owners
  ]
  defstruct @enforce_keys

  @type owner :: %{
          pid: pid() | nil,
          name: atom() | nil,
          bytes: non_neg_integer(),
          buffers: non_neg_integer()
        }
  @type t :: %__MODULE__{
          reserved: non_neg_integer(),
          used: non_neg_integer(),
          requested: non_neg_integer(),
          peak: non_neg_integer(),
          largest_free: non_neg_integer(),
          limit: non_neg_integer(),
          fragmentation_ratio: float(),
          pool_count: non_neg_integer(),
          allocations: non_neg_integer(),
          frees: non_neg_integer(),
          owners: [owner()]
        }

  @doc false
  def from_native(report) do
    struct!(__MODULE__, Map.update!(report, :owners, &owners/1))
  end

  @doc false
  def owners(list) do
    for {pid, bytes, buffers} <- list do
      %{pid: pid, name: registered_name(pid), bytes: bytes, buffers: buffers}
    end
  end

  defp registered_name(nil), do: nil

  defp registered_name(pid) do
    case Process.info(pid, :registered_name) do
      {:registered_name, name} when is_atom(name) -> name
      _ -> nil
    end
  end
end
