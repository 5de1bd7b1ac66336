import Config

config :amdgpu_web, standalone: true

config :amdgpu_web, AMDGPUWeb.Endpoint,
  adapter: Bandit.PhoenixAdapter,
  url: [host: "localhost"],
  pubsub_server: AMDGPUWeb.PubSub,
  live_view: [signing_salt: "Qm4uX0aP"],
  render_errors: [formats: [html: AMDGPUWeb.ErrorHTML], layout: false]

config :phoenix, :json_library, Jason
# Never in a log.
config :phoenix, :filter_parameters, ["token", "password", "secret", "source"]
config :logger, :console, format: "$time [$level] $message\n"

import_config "#{config_env()}.exs"
