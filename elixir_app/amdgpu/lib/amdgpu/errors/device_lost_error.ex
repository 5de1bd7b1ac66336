defmodule AMDGPU.DeviceLostError do
  @moduledoc """
  A device's worker process ended while work was queued, or the device is closed.

    * `device` - which: `"host:0"`
    * `reason` - what ended it, in words
    * `kernel` - of the launch that was queued or ran then; nil for other work
  """

  defexception [:device, :reason, :kernel]

  @type t :: %__MODULE__{device: String.t(), reason: String.t(), kernel: String.t() | nil}

  @impl true
  def message(%{device: device, reason: reason} = error),
    do: "device#{if device != "", do: " " <> device} lost#{under(error.kernel)}: #{reason}"

  defp under(nil), do: ""
  defp under(kernel), do: " under kernel #{inspect(kernel)}"
end
