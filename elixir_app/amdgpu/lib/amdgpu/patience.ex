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

  @typedoc "A job that was waited for failed: is that the result (`:fail`), or does `fun` go on?"
  @type on_failed :: :fail | :go_on

  @doc """
  Calls `fun` until it returns something other than `:unavailable` or `{:wait, job}`; waits for the
  device, or for the job, in between.
  """
  @spec retry(reference(), (() -> result), on_failed()) ::
          result | {:error, {atom(), String.t(), term()}}
        when result: term()
  def retry(device, fun, on_failed \\ :fail), do: step(device, fun, on_failed, nil)

  defp step(device, fun, on_failed, deadline) do
    case fun.() do
      :unavailable -> wait_for_device(device, fun, on_failed, deadline || now() + @patience_ms)
      {:wait, job} -> wait_for_job(device, fun, on_failed, job)
      result -> result
    end
  end

  defp wait_for_device(device, fun, on_failed, deadline) do
    remaining = deadline - now()

    if remaining <= 0 do
      {:error, @unavailable}
    else
      case Job.wait(Native.device_when_ready(device), remaining, 0) do
        # Closed for good.
        {:error, _} = error ->
          error

        # Ready, as soon as the queue has moved by one: the pause lets it move by more.
        _ ->
          pause()
          step(device, fun, on_failed, deadline)
      end
    end
  end

  # How long the work before takes is not ours to limit.
  defp wait_for_job(device, fun, on_failed, job) do
    case Job.wait(job, :infinity) do
      {:error, _} = error when on_failed == :fail -> error
      _ -> step(device, fun, on_failed, nil)
    end
  end

  defp pause do
    receive do
    after
      @pause_ms -> :ok
    end
  end

  defp now, do: System.monotonic_time(:millisecond)
end
