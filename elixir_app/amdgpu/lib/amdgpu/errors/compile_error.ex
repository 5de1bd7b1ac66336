defmodule AMDGPU.CompileError do
  @moduledoc """
  A source did not compile.

    * `kernel` - the name that was asked for
    * `reason` - `:source_error` (the diagnostics say what), `:crashed` (the compiler did, twice),
      `:out_of_memory`, `:output_too_large`, `:refused` (an option or a target that is none, a
      compiler that this machine does not have) or `:cancelled`
    * `diagnostics` - a list of `AMDGPU.Diagnostic`, as the compiler gave them
  """

  defexception [:kernel, :reason, :detail, diagnostics: []]

  @type t :: %__MODULE__{
          kernel: String.t() | nil,
          reason:
            :source_error
            | :crashed
            | :out_of_memory
            | :output_too_large
            | :refused
            | :cancelled,
          detail: String.t(),
          diagnostics: [AMDGPU.Diagnostic.t()]
        }

  @shown 5

  @impl true
  def message(%{reason: :source_error, diagnostics: [_ | _]} = error) do
    errors = Enum.filter(error.diagnostics, &(&1.severity in [:error, :fatal]))
    shown = if errors == [], do: error.diagnostics, else: errors

    more =
      case length(shown) - @shown do
        count when count > 0 -> ["and #{count} more: see the exception's diagnostics"]
        _ -> []
      end

    Enum.join(
      ["#{subject(error)} does not compile"] ++
        Enum.map(Enum.take(shown, @shown), &AMDGPU.Diagnostic.format/1) ++ more,
      "\n"
    )
  end

  def message(%{reason: :cancelled} = error),
    do: "the compile of #{subject(error)} was cancelled"

  def message(error), do: "#{subject(error)} does not compile: #{error.detail}"

  defp subject(%{kernel: nil}), do: "the source"
  defp subject(%{kernel: name}), do: "kernel #{inspect(name)}"
end
