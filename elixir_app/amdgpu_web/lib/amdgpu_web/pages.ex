defmodule AMDGPUWeb.Pages do
  @moduledoc false
  # What is answered without a LiveView.

  @behaviour Plug
  import Plug.Conn

  @impl true
  def init(which), do: which

  @impl true
  def call(conn, :health),
    do: conn |> put_resp_content_type("text/plain") |> send_resp(200, "ok\n")

  def call(conn, :sign_in), do: AMDGPUWeb.Access.sign_in(conn, conn.body_params)
end
