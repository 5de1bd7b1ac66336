defmodule AMDGPU.NIF.AuraCore do
  @moduledoc """
  Telemetry of the core class `:aura`: vector units, where kernels run unless they say otherwise. A kernel's class is the option `core:` of
  `AMDGPU.Kernel.compile/4`.
  """

  use AMDGPU.NIF.Core, :aura
end
