# Another application that has the dashboard in its router, as its author would write it.
defmodule SecondApp.Guard do
  import Phoenix.LiveView, only: [redirect: 2]

  def on_mount(:default, _params, session, socket) do
    if session["role"] == "admin",
      do: {:cont, socket},
      else: {:halt, redirect(socket, to: "/sorry")}
  end

  def on_mount(:bench, _params, session, socket) do
    if session["role"] == "admin" and session["bench"],
      do: {:cont, Phoenix.Component.assign(socket, amdgpu_user: "somebody")},
      else: {:halt, redirect(socket, to: "/sorry")}
  end
end

defmodule SecondApp.Router do
  use Phoenix.Router
  import AMDGPUWeb.Router

  pipeline :browser do
    plug :fetch_session
    plug :fetch_live_flash
  end

  defp fetch_live_flash(conn, _options), do: Phoenix.LiveView.Router.fetch_live_flash(conn, [])

  scope "/admin" do
    pipe_through :browser

    amdgpu_dashboard "/gpu",
      on_mount: [SecondApp.Guard],
      kernel_bench: true,
      kernel_bench_on_mount: [{SecondApp.Guard, :bench}]

    amdgpu_dashboard "/narrow",
      on_mount: SecondApp.Guard,
      live_session_name: :narrow,
      panels: ["charts"],
      rate: 10
  end
end

defmodule SecondApp.Endpoint do
  use Phoenix.Endpoint, otp_app: :amdgpu_web

  @session [store: :cookie, key: "second", signing_salt: "abcdefgh"]

  socket "/live", Phoenix.LiveView.Socket, websocket: [connect_info: [session: @session]]

  plug Plug.Session, @session
  plug SecondApp.Router
end
