# No import_deps: formats without the dependencies, too.
[
  inputs: ["{mix,.formatter}.exs", "{bench,config,lib,mix,test}/**/*.{ex,exs}"],
  locals_without_parens: [
    amdgpu_dashboard: 1,
    amdgpu_dashboard: 2,
    attr: 2,
    attr: 3,
    channel: 2,
    get: 3,
    get: 4,
    live: 2,
    live: 3,
    live: 4,
    live_dashboard: 2,
    pipe_through: 1,
    plug: 1,
    plug: 2,
    post: 3,
    post: 4,
    slot: 1,
    socket: 2,
    socket: 3
  ]
]
