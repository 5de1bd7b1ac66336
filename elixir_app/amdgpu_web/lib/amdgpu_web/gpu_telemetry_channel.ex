defmodule AMDGPUWeb.GPUTelemetryChannel do
  @moduledoc """
  The topic `gpu:telemetry`: live frames, with the protocol of the gateway's channel, so that a client may
  have either.

  A join's payload: `AMDGPUWeb.Feed.Options`. The newest frame comes at once, then

    * `telemetry_update` - a `Frame` of `proto/telemetry.proto`: a binary push, or JSON
    * `kernel_launched` - with a frame that has launches: `{sequence, count, launches}`, the newest 32
    * `device_lost` - `{device, time_ns, message}`

  The reply to a join that asked for `credit` has it, too; then the client sends `ack` with
  `{"frames": n}` when it has dealt with `n` more. Others send nothing, and get what their connection takes.
  """

  use AMDGPUWeb, :channel

  alias AMDGPUWeb.Feed
  alias AMDGPUWeb.Feed.{Options, Transport}

  @impl true
  def join("gpu:telemetry", payload, socket) do
    with {:ok, options} <- Options.parse(payload),
         :ok <- allowed(socket) do
      send(self(), :joined)
      reply = %{rate: options.rate, encoding: options.encoding}
      reply = if options.credit, do: Map.put(reply, :credit, options.credit), else: reply
      {:ok, reply, assign(socket, options: options)}
    else
      {:error, why} -> {:error, %{reason: why}}
    end
  end

  @impl true
  def handle_info(:joined, socket) do
    case Feed.subscribe(socket.assigns.options, Transport.deliver(socket)) do
      {:ok, flags} ->
        AMDGPUWeb.Digest.watch_losses()
        {:noreply, assign(socket, flags: flags)}

      {:error, error} ->
        {:stop, {:shutdown, Exception.message(error)}, socket}
    end
  end

  def handle_info({:amdgpu_device_lost, lost}, socket) do
    push(socket, "device_lost", lost)
    {:noreply, socket}
  end

  def handle_info(_other, socket), do: {:noreply, socket}

  @impl true
  def handle_in("ack", %{"frames" => frames}, %{assigns: %{flags: flags}} = socket)
      when is_integer(frames) and frames > 0 do
    Feed.ack(flags, socket.assigns.options, frames)
    {:noreply, socket}
  end

  def handle_in(_event, _payload, socket),
    do: {:reply, {:error, %{reason: "unknown event"}}, socket}

  # A socket of another application's answers for itself.
  defp allowed(%{handler: AMDGPUWeb.UserSocket, assigns: assigns}) do
    if assigns[:amdgpu_allowed], do: :ok, else: {:error, "not allowed"}
  end

  defp allowed(_socket), do: :ok
end
