defmodule Demo.MixProject do
  use Mix.Project

  def project do
    [
      app: :amdgpu_demo,
      version: "0.1.0",
      elixir: "~> 1.14",
      start_permanent: Mix.env() == :prod,
      deps: [{:amdgpu, path: "../amdgpu"}]
    ]
  end

  def application, do: [extra_applications: [:logger]]
end
