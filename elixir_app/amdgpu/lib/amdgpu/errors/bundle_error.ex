defmodule AMDGPU.BundleError do
  @moduledoc """
  A bundle could not be made: some of its targets do not compile.

    * `failures` - a list of `{target, error}`: an `AMDGPU.CompileError` with its diagnostics, whose
      reason is `:refused` where the target's compiler is absent or does not know the target
  """

  defexception [:failures]

  @type t :: %__MODULE__{failures: [{String.t(), AMDGPU.Error.any_error()}, ...]}

  @impl true
  def message(%{failures: failures}) do
    Enum.map_join(failures, "\n", fn {target, error} ->
      "#{target}: #{Exception.message(error)}"
    end)
  end
end
