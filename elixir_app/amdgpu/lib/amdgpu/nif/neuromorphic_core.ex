defmodule AMDGPU.NIF.NeuromorphicCore do
  @moduledoc """
  Telemetry of the core class `:neuromorphic`: event-driven and activation kernels. A kernel's class is the option `core:` of
  `AMDGPU.Kernel.compile/4`.
  """

  use AMDGPU.NIF.Core, :neuromorphic
end
