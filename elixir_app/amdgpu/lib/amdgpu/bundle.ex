defmodule AMDGPU.Bundle do
  @moduledoc """
  Kernels compiled for several targets, in one file: what a release takes along instead of a compiler.

      {:ok, bundle} = AMDGPU.Kernel.compile_for(["gfx90a", "sm_90", "host"], source, "saxpy")
      :ok = AMDGPU.Bundle.write(bundle, "priv/kernels/saxpy.amdgpu")

      {:ok, bundle} = AMDGPU.Bundle.read("priv/kernels/saxpy.amdgpu")
      {:ok, kernel} = AMDGPU.Kernel.load(device, bundle)

  Made on any machine: no device is opened, and no GPU is needed. `mix amdgpu.compile` writes them too.

  A device takes the code that is best for it:

    * `host` - code for a CPU whose features this CPU has
    * AMD - code for its processor, with as many of its features (`xnack`, `sramecc`) named as
      possible; then for a generic processor that covers it (`gfx11-generic`). A feature that the
      code names must be set as it has it
    * NVIDIA - machine code of its version (`sm_90`); of an earlier minor version of the same major
      one; then PTX of its version or an earlier one (`compute_80`). `sm_90a` runs on `sm_90` alone

  Where nothing fits, the bundle's source is compiled, if it is there.

  Fields: `names` (of the kernels; what was asked for), `targets` (a list of `%{target:, kernels:,
  code_bytes:}`), `core`, `file`, `source` (nil if it was left out) and `binary`, the file's contents.
  """

  alias AMDGPU.{Bang, Error, Native}

  @enforce_keys [:names, :targets, :core, :file, :source, :binary]
  defstruct @enforce_keys

  @type target :: %{target: String.t(), kernels: [String.t()], code_bytes: non_neg_integer()}
  @type t :: %__MODULE__{
          names: [String.t()],
          targets: [target()],
          core: AMDGPU.Kernel.core(),
          file: String.t(),
          source: String.t() | nil,
          binary: binary()
        }

  @doc """
  The bundle whose file has these contents. An error for what is not a bundle (`:invalid_argument`),
  truncated or changed (`:data_loss`), or of a later format (`:failed_precondition`).
  """
  @spec from_binary(binary()) :: {:ok, t()} | {:error, Error.any_error()}
  def from_binary(binary) when is_binary(binary) do
    case Native.bundle_info(binary) do
      {:ok, info} ->
        {:ok,
         %__MODULE__{
           names: info.names,
           targets: info.targets,
           core: core(info.core),
           file: info.file_name,
           source: info.source,
           binary: binary
         }}

      {:error, reason} ->
        {:error, Error.from_native(reason)}
    end
  end

  @doc "Like `from_binary/1`, but raises."
  @spec from_binary!(binary()) :: t()
  def from_binary!(binary), do: Bang.value!(from_binary(binary))

  @doc "Reads a bundle from a file."
  @spec read(Path.t()) :: {:ok, t()} | {:error, Error.any_error()}
  def read(path) do
    case File.read(path) do
      {:ok, binary} -> with({:error, error} <- from_binary(binary), do: {:error, at(error, path)})
      {:error, reason} -> {:error, file_error(reason, "reading", path)}
    end
  end

  @doc "Like `read/1`, but raises."
  @spec read!(Path.t()) :: t()
  def read!(path), do: Bang.value!(read(path))

  @doc "Writes the bundle to a file, which appears whole or not at all."
  @spec write(t(), Path.t()) :: :ok | {:error, Error.any_error()}
  def write(%__MODULE__{binary: binary}, path) do
    part = "#{path}.#{System.unique_integer([:positive])}.part"

    with :ok <- File.write(part, binary), :ok <- File.rename(part, path) do
      :ok
    else
      {:error, reason} ->
        File.rm(part)
        {:error, file_error(reason, "writing", path)}
    end
  end

  @doc "Like `write/2`, but raises."
  @spec write!(t(), Path.t()) :: :ok
  def write!(bundle, path), do: Bang.value!(write(bundle, path))

  defp core(text) do
    case text do
      "matrix" -> :matrix
      "neuromorphic" -> :neuromorphic
      _ -> :aura
    end
  end

  defp at(error, path), do: %{error | message: "#{path}: #{error.message}"}

  defp file_error(reason, doing, path) do
    code = if reason == :enoent, do: :not_found, else: :failed_precondition
    %Error{code: code, message: "#{doing} #{path}: #{:file.format_error(reason)}"}
  end

  defimpl Inspect do
    def inspect(bundle, _opts) do
      targets = Enum.map_join(bundle.targets, ", ", & &1.target)
      "#AMDGPU.Bundle<#{Enum.join(bundle.names, ", ")} for #{targets}>"
    end
  end
end
