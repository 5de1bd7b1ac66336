import Config

config :amdgpu_web, AMDGPUWeb.Endpoint,
  http: [
    ip: {127, 0, 0, 1},
    port: 0,
    thousand_island_options: [transport_options: [sndbuf: 16_384]]
  ],
  server: true,
  secret_key_base: String.duplicate("not a secret ", 8)

config :amdgpu_web, live_rate: 20
config :logger, level: :warning
config :phoenix, :plug_init_mode, :runtime
