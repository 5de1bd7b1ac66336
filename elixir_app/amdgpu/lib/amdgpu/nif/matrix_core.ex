defmodule AMDGPU.NIF.MatrixCore do
  @moduledoc """
  Telemetry of the core class `:matrix`: matrix units (MFMA, WMMA, tensor cores). A kernel's class is the option `core:` of
  `AMDGPU.Kernel.compile/4`.
  """

  use AMDGPU.NIF.Core, :matrix
end
