Code.require_file("mix/native_compiler.exs", __DIR__)

defmodule AMDGPU.MixProject do
  use Mix.Project

  @version "0.1.0"

  def project do
    [
      app: :amdgpu,
      version: @version,
      elixir: "~> 1.14",
      description: "A GPU runtime: HIP C++ kernels compiled, launched and awaited from Elixir",
      compilers: [:amdgpu_native | Mix.compilers()],
      elixirc_paths: if(Mix.env() == :test, do: ["lib", "test/support"], else: ["lib"]),
      elixirc_options: [warnings_as_errors: Mix.env() == :test],
      start_permanent: Mix.env() == :prod,
      # No Hex dependency, optional ones included: the library builds on a machine without Hex.
      deps: []
    ]
  end

  def application do
    [
      mod: {AMDGPU.Application, []},
      extra_applications: [:logger]
    ]
  end
end
