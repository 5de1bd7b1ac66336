defmodule AMDGPUWeb.GPUMonitorLive.Recorder do
  @moduledoc """
  The monitor's controls of the flight recorder: record, stop, replay what was recorded. There only when a
  directory is configured, `config :amdgpu_web, recordings: "/var/lib/amdgpu"`, as whoever sees the page may use
  them: recording takes disk, 256 MiB at most, and a replay takes the place of the live frames for everybody.
  """

  use Phoenix.LiveComponent
  import AMDGPUWeb.Format

  alias AMDGPU.Telemetry

  @look_ms 1_000

  @doc "The directory, nil if there is none."
  @spec directory() :: Path.t() | nil
  def directory, do: Application.get_env(:amdgpu_web, :recordings)

  @doc "Asks for another look at the recorder in a second, by `{AMDGPUWeb.GPUMonitorLive.Recorder, :look}`."
  def look_later, do: Process.send_after(self(), {__MODULE__, :look}, @look_ms)

  @impl true
  def update(assigns, socket),
    do: {:ok, socket |> assign(id: assigns.id) |> assign_new(:problem, fn -> nil end) |> look()}

  @impl true
  def handle_event("record", _, socket), do: {:noreply, act(socket, &Telemetry.record/1)}
  def handle_event("replay", _, socket), do: {:noreply, act(socket, &Telemetry.replay/1)}

  def handle_event("stop", _, socket) do
    _ = Telemetry.stop_recording()
    {:noreply, look(socket)}
  end

  def handle_event("live", _, socket) do
    _ = Telemetry.stop_replay()
    {:noreply, look(socket)}
  end

  def handle_event(_other, _, socket), do: {:noreply, socket}

  defp act(socket, what) do
    with directory when directory != nil <- directory(), :ok <- what.(directory) do
      socket |> assign(problem: nil) |> look()
    else
      nil -> socket
      {:error, error} -> socket |> assign(problem: Exception.message(error)) |> look()
    end
  end

  defp look(socket) do
    directory = directory()
    recorded? = directory != nil and match?({:ok, [_ | _]}, File.ls(directory))

    assign(socket,
      recording: Telemetry.recording(),
      replaying: Telemetry.replaying(),
      recorded: recorded?
    )
  end

  @impl true
  def render(assigns) do
    ~H"""
    <section id={@id} class="ag-card agw-recorder" aria-label="Recorder">
      <%= cond do %>
        <% @replaying -> %>
          <span class="ag-pill ag-warn">replay</span>
          <span><%= round(@replaying.position) %> s of <%= round(@replaying.length) %> s; nobody sees live frames now</span>
          <button type="button" class="ag-button" phx-click="live" phx-target={@myself}>Back to live</button>
        <% @recording && @recording.error == nil -> %>
          <span class="ag-pill ag-bad">recording</span>
          <span><%= bytes(@recording.bytes) %>, <%= count(@recording.frames) %> frames</span>
          <button type="button" class="ag-button" phx-click="stop" phx-target={@myself}>Stop</button>
        <% true -> %>
          <button type="button" class="ag-button" phx-click="record" phx-target={@myself}>Record</button>
          <button :if={@recorded} type="button" class="ag-button" phx-click="replay" phx-target={@myself}>
            Replay what was recorded
          </button>
      <% end %>
      <span :if={@problem} role="alert" class="agw-warn"><%= @problem %></span>
    </section>
    """
  end
end
