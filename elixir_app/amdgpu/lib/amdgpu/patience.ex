defmodule AMDGPU.Patience do
  @moduledoc false
  # Tries again what the device cannot take now: its queue is full, or its worker is restarting.

  alias AMDGPU.{Job, Native}

  # A queue of 16,384 launches that has not moved for this long is an error worth telling.
  @patience_ms 30_000
  @pause_ms 1

  @unavailable {:unavailable,
                "the device took no more work for #{div(@patience_ms, 1000)} seconds: its queue " <>
                  "is full or it does not restart", nil}

  @doc """
  Calls `fun` until it returns something other than `:unavailable` or `{:wait, job}`; waits for the
  device, or for the job, in between.
  """
  @spec retry(reference(), (() -> result)) :: result | {:error, {atom(), String.t(), term()}}
        when result: term()
  def retry(device, fun) do
    case fun.() do
      :unavailable -> retry(device, fun, System.monotonic_time(:millisecond) + @patience_ms)
      {:wait, job} -> wait_for(job, device, fun)
      result -> result
    end
  end

  defp retry(device, fun, deadline) do
    remaining = deadline - System.monotonic_time(:millisecond)

    if remaining <= 0 do
      {:error, @unavailable}
    else
      # Ready at once when the queue is only full: the pause lets it move.
      Job.wait(Native.device_when_ready(device), remaining, 0)
      pause()

      case fun.() do
        :unavailable -> retry(device, fun, deadline)
        {:wait, job} -> wait_for(job, device, fun)
        result -> result
      end
    end
  end

  # How long the work before takes is not ours to limit.
  defp wait_for(job, device, fun) do
    case Job.wait(job, :infinity) do
      {:error, _} = error -> error
      _ -> retry(device, fun)
    end
  end

  defp pause do
    receive do
    after
      @pause_ms -> :ok
    end
  end
end
