defmodule AMDGPU.Device.Printer do
  @moduledoc false
  # Receives what kernels print. A process of its own: a slow terminal must not delay a restart.

  @doc "The process that native code sends `{:amdgpu_print, text}` to."
  @spec start_link(:stdio | :ignore | pid()) :: pid()
  def start_link(pid) when is_pid(pid), do: pid
  def start_link(target), do: spawn_link(fn -> loop(target) end)

  defp loop(target) do
    receive do
      {:amdgpu_print, text} -> print(target, text)
      _ -> :ok
    end

    loop(target)
  end

  defp print(:ignore, _text), do: :ok

  # What a kernel prints need not be UTF-8.
  defp print(:stdio, text) do
    if String.valid?(text), do: IO.write(text), else: IO.binwrite(text)
  end
end
