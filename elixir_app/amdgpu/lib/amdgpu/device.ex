defmodule AMDGPU.Device do
  @moduledoc """
  An open device, from `AMDGPU.open/2`.

    * `id` - `{kind, index}`, for example `{:host, 0}`
    * `pid` - the process that supervises it; it restarts the device's worker after a fault
    * `properties` - what the device is and can do

  Properties: `kind` (`:host`, `:hip`, `:cuda`), `name`, `arch`, `compute_units`, `warp_size`
  (threads), `max_threads_per_block`, `max_block` and `max_grid` (`{x, y, z}`), `max_grid_threads`
  (grid × block in each dimension stays below it; 0 = no limit), `max_shared_bytes` (per block),
  `memory_bytes`, `host_visible`, `clock_khz`, `memory_clock_khz`, `memory_bus_bits`, `l2_bytes`,
  `threads_per_unit`, `registers_per_unit`, `shared_bytes_per_unit` (most that one compute unit runs
  and has), `registers_per_block`, `matrix_instructions` (families of matrix-core instructions:
  `"mfma"`, `"wmma"`, `"wgmma"`, ...), `ecc`, `integrated` (shares the machine's memory),
  `pci_address`, `uuid`, `driver_version` (the kernel's driver), `runtime_version` (HIP, CUDA). What a
  device does not know is 0 or empty.
  """

  @enforce_keys [:ref, :pid, :id, :properties]
  defstruct @enforce_keys

  @type kind :: :host | :hip | :cuda
  @type t :: %__MODULE__{
          ref: reference(),
          pid: pid(),
          id: {kind(), non_neg_integer()},
          properties: %{atom() => term()}
        }

  @doc false
  def label(%__MODULE__{id: {kind, index}}), do: "#{kind}:#{index}"

  defimpl Inspect do
    def inspect(device, _opts),
      do: "#AMDGPU.Device<#{AMDGPU.Device.label(device)} #{device.properties.name}>"
  end
end
