defmodule AMDGPU.TimeoutError do
  @moduledoc """
  Something took longer than its timeout.

    * `what` - `"await"` (the job goes on and can be awaited again), `"kernel NAME"` (the launch's
      own timeout: the worker was ended and restarts), `"compile"`
    * `after_ms` - the timeout, milliseconds
  """

  defexception [:what, :after_ms]

  @type t :: %__MODULE__{what: String.t(), after_ms: number()}

  @impl true
  def message(%{what: "await", after_ms: ms}),
    do: "the job had not ended after #{ms} ms; it goes on and can be awaited again"

  def message(%{what: what, after_ms: ms}), do: "#{what} was ended after #{ms} ms"
end
