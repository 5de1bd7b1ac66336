defmodule AMDGPU.Diagnostic do
  @moduledoc """
  One message of the compiler about a source: `severity` (`:note`, `:warning`, `:error`, `:fatal`),
  `file`, `line` and `column` (from 1; 0 when there is none), `message`, and the `source_line` it is
  about (empty for lines that are not the caller's own source).
  """

  @enforce_keys [:severity, :file, :line, :column, :message, :source_line]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          severity: :note | :warning | :error | :fatal,
          file: String.t(),
          line: non_neg_integer(),
          column: non_neg_integer(),
          message: String.t(),
          source_line: String.t()
        }

  @doc false
  def from_native({severity, file, line, column, message, source_line}) do
    %__MODULE__{
      severity: severity,
      file: file,
      line: line,
      column: column,
      message: message,
      source_line: source_line
    }
  end

  @doc """
  As compilers print it: the place and the message, the source line, and a caret below the column.

      iex> AMDGPU.Diagnostic.format(%AMDGPU.Diagnostic{
      ...>   severity: :error, file: "kernel.hip", line: 2, column: 3,
      ...>   message: "use of undeclared identifier 'j'", source_line: "  j = 1;"
      ...> })
      "kernel.hip:2:3: error: use of undeclared identifier 'j'\\n    j = 1;\\n    ^"
  """
  @spec format(t()) :: String.t()
  def format(%__MODULE__{} = diagnostic) do
    place(diagnostic) <>
      "#{severity(diagnostic.severity)}: #{diagnostic.message}" <> excerpt(diagnostic)
  end

  defp place(%{line: 0, file: ""}), do: ""
  defp place(%{line: 0, file: file}), do: "#{file}: "
  defp place(%{line: line, column: 0, file: file}), do: "#{file}:#{line}: "
  defp place(%{line: line, column: column, file: file}), do: "#{file}:#{line}:#{column}: "

  defp severity(:fatal), do: "fatal error"
  defp severity(severity), do: Atom.to_string(severity)

  defp excerpt(%{source_line: ""}), do: ""
  defp excerpt(%{source_line: line, column: 0}), do: "\n  #{line}"

  defp excerpt(%{source_line: line, column: column}) do
    # The columns before the caret keep their tabs, so that it lands below its place. Columns count
    # bytes.
    before = binary_part(line, 0, min(column - 1, byte_size(line)))
    "\n  #{line}\n  #{String.replace(before, ~r/[^\t]/, " ")}^"
  end
end
