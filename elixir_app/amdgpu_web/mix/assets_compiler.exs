# The Mix compiler that builds the front end. mix.exs requires this file: it must exist before anything
# of the project is compiled.
defmodule Mix.Tasks.Compile.AmdgpuAssets do
  @shortdoc "Builds the dashboard's scripts and styles with npm"
  @moduledoc """
  Builds `elixir_app/assets` with `bin/support/assets`, incrementally, and puts the LiveView hooks into
  `priv/static`. Without npm it says so and goes on: what was built before is used, and without that
  the pages have tables and no charts.

  Environment: `AMDGPU_ASSETS=skip` leaves the front end as it is.
  """
  use Mix.Task.Compiler

  @root Path.expand("../../..", __DIR__)
  @build Path.join(@root, "bin/support/assets")
  @made Path.join(@root, "elixir_app/assets/dist/hooks")
  @static Path.expand("../priv/static", __DIR__)
  @files ~w(amdgpu_hooks.js amdgpu.css)

  @impl true
  def run(_args) do
    cond do
      System.get_env("AMDGPU_ASSETS") == "skip" or not File.exists?(@build) ->
        :noop

      System.find_executable("npm") == nil ->
        warn("npm is not installed, so the dashboard's front end is not built. #{state()}")

      true ->
        build()
    end
  end

  @impl true
  def clean, do: Enum.each(@files, &File.rm(Path.join(@static, &1)))

  defp build do
    case System.cmd(@build, [], stderr_to_stdout: true, cd: @root) do
      {_output, 0} ->
        copied = Enum.filter(@files, &copy/1)
        # Priv is a link into _build; it may not have existed when Mix made its links.
        Mix.Project.build_structure()
        if copied != [], do: Mix.shell().info("Built the dashboard's front end")
        {if(copied == [], do: :noop, else: :ok), []}

      {output, status} ->
        warn(
          "the front end could not be built (#{@build} ended with #{status}):\n#{output}#{state()}"
        )
    end
  end

  # Only what differs: an application that watches the files need not load them again.
  defp copy(name) do
    from = Path.join(@made, name)
    to = Path.join(@static, name)

    if File.read(from) != File.read(to) do
      File.mkdir_p!(@static)
      File.cp!(from, to)
      true
    end
  end

  defp state do
    if Enum.all?(@files, &File.exists?(Path.join(@static, &1))),
      do: "What was built before is used.",
      else: "The pages will have tables and no charts."
  end

  defp warn(message) do
    Mix.shell().error("warning: " <> message)

    diagnostic = %Mix.Task.Compiler.Diagnostic{
      compiler_name: "amdgpu_assets",
      file: @build,
      message: message,
      position: 0,
      severity: :warning
    }

    {:ok, [diagnostic]}
  end
end
