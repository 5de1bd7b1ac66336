# The Mix compiler that builds the native part. mix.exs requires this file: it must exist before
# anything of the project is compiled.
defmodule Mix.Tasks.Compile.AmdgpuNative do
  @shortdoc "Builds the NIF, the worker, the compilers and the gateway with CMake"
  @moduledoc """
  Builds the native part with CMake, incrementally, and installs it into
  `priv/native/<preset>`.

  Environment:

    * `AMDGPU_NATIVE_PRESET` - the CMake preset: `release` (the default), `dev`, `asan` or `tsan`;
      when the VM runs, the build to load
    * `AMDGPU_NATIVE_BUILD_DIR` - where to build; the default is `build/<preset>` in the repository
    * `AMDGPU_PRIV_DIR` - a folder with the native files already built: nothing is compiled, and
      they are loaded from there
  """
  use Mix.Task.Compiler

  @root Path.expand("../../..", __DIR__)
  @targets ~w(amdgpu_nif amdgpu_worker amdgpu_compiler amdgpu_vendorcc amdgpu_gateway amdgpu_cli)

  @impl true
  def run(_args) do
    if System.get_env("AMDGPU_PRIV_DIR") do
      :noop
    else
      build()
    end
  end

  @impl true
  def clean, do: File.rm_rf(priv(preset()))

  defp build do
    preset = preset()
    dir = System.get_env("AMDGPU_NATIVE_BUILD_DIR", Path.join([@root, "build", preset]))

    with :ok <- tools(),
         :ok <- configure(preset, dir),
         :ok <- cmake(["--build", dir, "--target" | @targets], "the native build failed"),
         :ok <- install(dir, preset) do
      # Priv is a link into _build; it may not have existed when Mix made its links.
      Mix.Project.build_structure()
      {:ok, []}
    else
      {:error, message} ->
        Mix.shell().error(message)
        {:error, [diagnostic(message)]}
    end
  end

  defp tools do
    missing = Enum.reject(~w(cmake ninja protoc), &System.find_executable/1)

    case missing do
      [] -> :ok
      _ -> {:error, "not found: #{Enum.join(missing, ", ")}. #{setup()}"}
    end
  end

  # A configured folder reconfigures itself when a CMakeLists.txt changes.
  defp configure(preset, dir) do
    if File.exists?(Path.join(dir, "build.ninja")) do
      :ok
    else
      cmake(
        ["--preset", preset, "-S", @root, "-B", dir],
        "the native part could not be configured: a library may be missing. #{setup()}"
      )
    end
  end

  defp install(dir, preset) do
    cmake(
      ["--install", dir, "--component", "native", "--prefix", priv(preset)],
      "the native part could not be installed"
    )
  end

  # Quiet unless it fails or takes long enough to build something.
  defp cmake(args, failure) do
    case System.cmd("cmake", args, stderr_to_stdout: true, cd: @root) do
      {output, 0} ->
        if output =~ ~r/^\[\d+\/\d+\] (Linking|Building)/m do
          Mix.shell().info("Built the native part (cmake #{Enum.join(args, " ")})")
        end

        :ok

      {output, status} ->
        {:error, "#{output}\n#{failure} (cmake exited with #{status})"}
    end
  end

  defp preset, do: System.get_env("AMDGPU_NATIVE_PRESET", "release")

  defp priv(preset), do: Path.join([Path.expand("..", __DIR__), "priv", "native", preset])

  defp setup,
    do: "On Debian 12, #{Path.relative_to_cwd(Path.join(@root, "bin/setup"))} installs it."

  defp diagnostic(message) do
    %Mix.Task.Compiler.Diagnostic{
      compiler_name: "amdgpu_native",
      file: Path.join(@root, "CMakeLists.txt"),
      message: message,
      position: 0,
      severity: :error
    }
  end
end
