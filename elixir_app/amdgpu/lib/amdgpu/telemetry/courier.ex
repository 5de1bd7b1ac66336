defmodule AMDGPU.Telemetry.Courier do
  @moduledoc false
  # Tells the hub when a subscriber is ready for another frame: when few messages wait in its mailbox.
  # A process of its own, since asking a busy process takes as long as that is busy.

  # Frames that may be under way to a subscriber, and messages it may have waiting.
  @credit 2
  @most_waiting 8
  @pause_ms 15

  def credit, do: @credit

  @doc "For the hub's subscriber `pid`. Ends with it, with the hub, and by `stop/1`."
  def start(hub, pid) do
    spawn(fn ->
      Process.monitor(hub)
      Process.monitor(pid)
      loop(hub, pid)
    end)
  end

  def stop(courier), do: send(courier, :stop)

  @doc "A frame was sent."
  def check(courier), do: send(courier, :check)

  defp loop(hub, pid) do
    receive do
      :check -> wait(hub, pid)
      _stop_or_down -> :ok
    end
  end

  defp wait(hub, pid) do
    case Process.info(pid, :message_queue_len) do
      {:message_queue_len, waiting} when waiting <= @most_waiting ->
        send(hub, {:ack, pid})
        loop(hub, pid)

      nil ->
        :ok

      _full ->
        receive do
          other when other != :check -> :ok
        after
          @pause_ms -> wait(hub, pid)
        end
    end
  end
end
