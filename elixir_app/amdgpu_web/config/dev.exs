import Config

config :amdgpu_web, AMDGPUWeb.Endpoint, debug_errors: true
config :amdgpu_web, kernel_bench: true
