defmodule AMDGPUWeb.Feed.Transport do
  @moduledoc """
  Makes a socket's transport take frames from `AMDGPUWeb.Feed` by itself: nothing waits in its mailbox
  but one short message.

      defmodule MyAppWeb.UserSocket do
        use Phoenix.Socket
        use AMDGPUWeb.Feed.Transport

        channel "gpu:telemetry", AMDGPUWeb.GPUTelemetryChannel

  A socket without it works too; its transport's mailbox is looked at before each frame.
  """

  alias AMDGPUWeb.Feed

  defmacro __using__(_options) do
    quote do
      defoverridable handle_info: 2

      @doc false
      def handle_info(AMDGPUWeb.Feed = message, state),
        do: AMDGPUWeb.Feed.Transport.push(message, state)

      def handle_info({AMDGPUWeb.Feed, _} = message, state),
        do: AMDGPUWeb.Feed.Transport.push(message, state)

      def handle_info(message, state), do: super(message, state)

      @doc false
      def __amdgpu_feed__, do: true
    end
  end

  @doc "How frames get to the client of a channel's socket."
  @spec deliver(Phoenix.Socket.t()) :: {:signal, pid()} | {:push, pid(), module()}
  def deliver(%Phoenix.Socket{} = socket) do
    if function_exported?(socket.handler, :__amdgpu_feed__, 0) and
         socket.serializer == Phoenix.Socket.V2.JSONSerializer,
       do: {:signal, socket.transport_pid},
       else: {:push, socket.transport_pid, socket.serializer}
  end

  @doc false
  def push(message, state) do
    case Feed.take(message) do
      [] -> {:ok, state}
      [one] -> {:push, one, state}
      several -> {:push, several, state}
    end
  end
end
