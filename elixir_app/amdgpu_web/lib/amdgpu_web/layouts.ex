defmodule AMDGPUWeb.Layouts do
  @moduledoc false
  # What is around the pages. No inline script or style: a strict Content-Security-Policy holds.

  use AMDGPUWeb, :html

  alias AMDGPUWeb.Assets

  def root(assigns) do
    assigns = assign(assigns, :place, assigns.conn.private.amdgpu)

    ~H"""
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="dark light" />
        <meta name="csrf-token" content={Plug.CSRFProtection.get_csrf_token()} />
        <meta name="amdgpu-live-path" content={@place.live_socket_path} />
        <link rel="icon" href="data:," />
        <Phoenix.Component.live_title><%= assigns[:page_title] || "AMDGPU" %></Phoenix.Component.live_title>
        <link rel="stylesheet" href={Assets.path(:css, @place.prefix)} />
        <script defer src={Assets.path(:js, @place.prefix)}></script>
      </head>
      <body class="amdgpu agw-body">
        <%= @inner_content %>
      </body>
    </html>
    """
  end

  def app(assigns) do
    ~H"""
    <header class="agw-top">
      <h1 class="agw-brand">AMDGPU</h1>
      <nav aria-label="Pages">
        <a href={@amdgpu.home} aria-current={@page == :monitor && "page"}>Monitor</a>
        <a :if={@amdgpu.bench} href={@amdgpu.bench} aria-current={@page == :bench && "page"}>Kernel bench</a>
      </nav>
    </header>
    <main class="agw-main">
      <div :for={{kind, message} <- @flash} class={["ag-note", "agw-flash", "agw-" <> kind]} role="status">
        <%= message %>
      </div>
      <%= @inner_content %>
    </main>
    """
  end

  # Pages that need nothing else, for who is not let in.

  def token(assigns) do
    assigns = Map.put(assigns, :__changed__, nil)

    ~H"""
    <.bare title="AMDGPU: a token is needed">
      <h1>AMDGPU</h1>
      <p :if={@wrong?}>That is not the token.</p>
      <form method="post" action="/access">
        <label>Token <input type="password" name="token" autocomplete="current-password" autofocus /></label>
        <button type="submit">Show the dashboard</button>
      </form>
    </.bare>
    """
  end

  def refused(assigns) do
    assigns = Map.put(assigns, :__changed__, nil)

    ~H"""
    <.bare title="AMDGPU: refused">
      <h1>Refused</h1>
      <p>
        Without a configured token the dashboard answers only this machine, by the name localhost. You asked for
        <code><%= @host %></code>. Set AMDGPU_WEB_TOKEN to let others in.
      </p>
    </.bare>
    """
  end

  attr :title, :string, required: true
  slot(:inner_block, required: true)

  defp bare(assigns) do
    ~H"""
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="dark light" />
        <title><%= @title %></title>
      </head>
      <body>
        <%= render_slot(@inner_block) %>
      </body>
    </html>
    """
  end
end
