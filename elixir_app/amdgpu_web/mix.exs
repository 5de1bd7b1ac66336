Code.require_file("mix/assets_compiler.exs", __DIR__)

defmodule AMDGPUWeb.MixProject do
  use Mix.Project

  @version "0.1.0"

  def project do
    [
      app: :amdgpu_web,
      version: @version,
      elixir: "~> 1.14",
      description: "The AMDGPU dashboard: LiveView, telemetry channel, kernel bench",
      compilers: [:amdgpu_assets | Mix.compilers()],
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      elixirc_options: [warnings_as_errors: Mix.env() == :test],
      start_permanent: Mix.env() == :prod,
      deps: deps(),
      releases: [amdgpu_web: [include_executables_for: [:unix]]]
    ]
  end

  def application do
    [
      mod: {AMDGPUWeb.Application, []},
      extra_applications: [:logger, :crypto]
    ]
  end

  defp deps do
    [
      {:amdgpu, path: "../amdgpu"},
      {:phoenix, "~> 1.7"},
      {:phoenix_html, "~> 4.0"},
      {:phoenix_live_view, live_view()},
      {:phoenix_live_dashboard, "~> 0.8.3", optional: true},
      {:bandit, bandit()},
      {:jason, "~> 1.4"},
      html_parser()
    ]
  end

  # What Elixir 1.14, as Debian 12 has it, can compile; Hex does not look at that.
  if Version.match?(System.version(), "< 1.15.0") do
    defp live_view, do: "~> 0.20.17"
    defp bandit, do: "~> 1.5 and < 1.12.0"
    defp html_parser, do: {:floki, ">= 0.30.0 and < 0.38.0", only: :test}
  else
    defp live_view, do: "~> 0.20.17 or ~> 1.0"
    defp bandit, do: "~> 1.5"
    defp html_parser, do: {:lazy_html, ">= 0.1.0", only: :test}
  end
end
