defmodule AMDGPUWeb.Assets do
  @moduledoc """
  The scripts and styles of the pages, served under names with their content's hash: Phoenix's own clients,
  as they came with the server, the hooks that the front end's build made, and what starts them.

  Read once, when the application starts. What is missing is left out: without the front end's build the
  pages have tables and no charts.
  """

  @behaviour Plug
  import Plug.Conn

  @external_resource boot = Path.expand("../../assets/boot.js", __DIR__)
  @external_resource style = Path.expand("../../assets/pages.css", __DIR__)
  @boot File.read!(boot)
  @style File.read!(style)

  @types %{js: "text/javascript", css: "text/css"}

  @doc false
  def load do
    js =
      [
        installed(:phoenix, "phoenix.min.js"),
        installed(:phoenix_live_view, "phoenix_live_view.min.js"),
        installed(:amdgpu_web, "amdgpu_hooks.js"),
        @boot
      ]
      |> Enum.map_join("\n", &without_map/1)

    put(:js, js)
    put(:css, installed(:amdgpu_web, "amdgpu.css") <> "\n" <> @style)
  end

  @doc "Whether the front end has been built."
  @spec hooks?() :: boolean()
  def hooks?, do: installed(:amdgpu_web, "amdgpu_hooks.js") != ""

  @doc "The path of the scripts or styles below where the dashboard is mounted."
  @spec path(:js | :css, String.t()) :: String.t()
  def path(kind, prefix), do: "#{prefix}/amdgpu-#{kind}-#{elem(get(kind), 1)}"

  @impl Plug
  def init(kind) when kind in [:js, :css], do: kind

  @impl Plug
  def call(conn, kind) do
    {content, hash, compressed} = get(kind)

    # An old name gets what there is now, and keeps it for no time.
    cache =
      if conn.path_params["hash"] == hash,
        do: "public, max-age=31536000, immutable",
        else: "no-store"

    conn =
      conn
      |> put_resp_content_type(@types[kind])
      |> put_resp_header("cache-control", cache)
      |> put_resp_header("vary", "accept-encoding")
      |> put_private(:plug_skip_csrf_protection, true)

    if accepts_gzip?(conn) do
      conn |> put_resp_header("content-encoding", "gzip") |> send_resp(200, compressed)
    else
      send_resp(conn, 200, content)
    end
    |> halt()
  end

  defp accepts_gzip?(conn),
    do: conn |> get_req_header("accept-encoding") |> Enum.any?(&String.contains?(&1, "gzip"))

  defp put(kind, content) do
    hash =
      :crypto.hash(:sha256, content) |> Base.url_encode64(padding: false) |> binary_part(0, 16)

    :persistent_term.put({__MODULE__, kind}, {content, hash, :zlib.gzip(content)})
  end

  defp get(kind), do: :persistent_term.get({__MODULE__, kind})

  defp installed(application, name) do
    case File.read(Application.app_dir(application, Path.join("priv/static", name))) do
      {:ok, content} -> content
      {:error, _} -> ""
    end
  end

  # A browser's tools would look for files that are not served.
  defp without_map(script), do: String.replace(script, ~r/^\/\/# sourceMappingURL=.*$/m, "")
end
