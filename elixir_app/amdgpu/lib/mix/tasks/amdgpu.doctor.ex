defmodule Mix.Tasks.Amdgpu.Doctor do
  @shortdoc "Says what this machine has and lacks for AMDGPU"
  @moduledoc """
  Prints what was found, what is missing and how to get it, and runs a saxpy as the proof.

      mix amdgpu.doctor

  Exits with 1 when the main job cannot run: opening the best device, compiling a kernel, launching it,
  reading the right result back.
  """

  use Mix.Task

  alias AMDGPU.Doctor

  @requirements ["loadpaths", "compile"]

  @impl true
  def run(_args) do
    findings = Doctor.examine()
    Mix.shell().info(Doctor.format(findings))
    if Doctor.healthy?(findings), do: :ok, else: exit({:shutdown, 1})
  end
end
