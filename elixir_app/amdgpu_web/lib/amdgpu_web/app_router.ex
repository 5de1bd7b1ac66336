defmodule AMDGPUWeb.AppRouter do
  @moduledoc false
  # The routes of the application of its own.

  use Phoenix.Router, helpers: false
  import AMDGPUWeb.Router

  alias AMDGPUWeb.{Access, Pages}

  # Nothing is loaded from elsewhere, nothing is inlined, nobody may frame it.
  @policy "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; " <>
            "form-action 'self'; frame-ancestors 'none'"

  pipeline :headers do
    plug :put_secure_browser_headers, %{
      "content-security-policy" => @policy,
      "referrer-policy" => "no-referrer",
      "cross-origin-opener-policy" => "same-origin"
    }
  end

  pipeline :browser do
    plug :accepts, ["html"]
    plug :fetch_session
    plug Access
    plug :protect_from_forgery
  end

  # Whoever starts us may ask; there is nothing to see.
  scope "/" do
    pipe_through :headers
    get "/healthz", Pages, :health, alias: false
  end

  pipeline :sign_in do
    plug :accepts, ["html"]
    plug :fetch_session
  end

  scope "/" do
    pipe_through [:headers, :sign_in]
    post "/access", Pages, :sign_in, alias: false
  end

  # Phoenix LiveDashboard has inline styles: they carry this request's number.
  pipeline :system do
    plug :nonce
  end

  if Code.ensure_loaded?(Phoenix.LiveDashboard.Router) do
    import Phoenix.LiveDashboard.Router

    scope "/" do
      pipe_through [:headers, :system, :browser]

      live_dashboard "/system",
        additional_pages: [amdgpu: AMDGPUWeb.LiveDashboardPage],
        on_mount: [{Access, :default}],
        csp_nonce_assign_key: :csp_nonce
    end
  end

  scope "/" do
    pipe_through [:headers, :browser]

    amdgpu_dashboard "/",
      socket_path: "/socket",
      session: {Access, :session, []},
      on_mount: [{Access, :default}],
      kernel_bench: true,
      kernel_bench_on_mount: [{Access, :kernel_bench}]
  end

  defp nonce(conn, _options) do
    nonce = Base.url_encode64(:crypto.strong_rand_bytes(16), padding: false)
    sources = "'self' 'nonce-#{nonce}'"

    conn
    |> Plug.Conn.assign(:csp_nonce, nonce)
    |> Plug.Conn.put_resp_header(
      "content-security-policy",
      "#{@policy}; script-src #{sources}; style-src #{sources}"
    )
  end
end
