defmodule AMDGPU.NativeFiles do
  @moduledoc false
  # Where the NIF and the executables are: `priv/native/<preset>`, where the build's preset is
  # `$AMDGPU_NATIVE_PRESET` or `release`; or `$AMDGPU_PRIV_DIR`.

  @doc "The path of one of them, or of their folder."
  @spec path(String.t()) :: Path.t()
  def path(name \\ ""), do: Path.join(dir(), name)

  defp dir do
    case System.get_env("AMDGPU_PRIV_DIR") do
      nil -> Path.join([priv(), "native", System.get_env("AMDGPU_NATIVE_PRESET", "release")])
      dir -> Path.expand(dir)
    end
  end

  # While the library itself is being compiled, its application is not in the code path yet.
  defp priv do
    case :code.priv_dir(:amdgpu) do
      {:error, :bad_name} -> Path.expand("../../priv", __DIR__)
      path -> List.to_string(path)
    end
  end
end
