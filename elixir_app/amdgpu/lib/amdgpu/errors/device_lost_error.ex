defmodule AMDGPU.DeviceLostError do
  @moduledoc """
  A device's worker process ended while work was queued, or the device is closed.

    * `device` - which: `"host:0"`
    * `reason` - what ended it, in words
  """

  defexception [:device, :reason]

  @type t :: %__MODULE__{device: String.t(), reason: String.t()}

  @impl true
  def message(%{device: "", reason: reason}), do: "device lost: #{reason}"
  def message(%{device: device, reason: reason}), do: "device #{device} lost: #{reason}"
end
