defmodule AMDGPU.Telemetry.Frame do
  @moduledoc """
  One decoded telemetry frame, from `AMDGPU.Telemetry.decode/2`. The fields are those of `Frame` in
  `proto/telemetry.proto`, which documents each of them: messages are maps with atom keys, enum values
  are atoms (`:power_watts`, `:aura`; nil for "unspecified" and "none"), absent messages are nil.

    * `sequence`, `time_ns`, `unix_ns`, `interval_ns` - when
    * `runtime` - this VM: `pid`, `hostname`, `cpu_ratio`, `rss_bytes`, ...
    * `devices` - one map for each open device: `values` (see `AMDGPU.Telemetry.value/3`),
      `core_utilization`, `worker`, `pool`, `copies_in`, `sampler`, ...
    * `launches`, `active`, `copies`, `compiles` - what finished since the frame before, and what runs
    * `kernels`, `core_classes` - totals, rates, quantiles
    * `owners` - the processes that are named by number elsewhere
    * `events` - devices opened, lost, restarted; the pool growing
    * `pipeline` - how telemetry itself does
  """

  @fields [
    :sequence,
    :time_ns,
    :unix_ns,
    :interval_ns,
    :runtime,
    :devices,
    :launches,
    :launches_omitted,
    :active,
    :active_omitted,
    :copies,
    :copies_omitted,
    :compiles,
    :compiles_omitted,
    :kernels,
    :core_classes,
    :owners,
    :compile_stats,
    :events,
    :pipeline
  ]

  defstruct @fields

  @type t :: %__MODULE__{
          sequence: pos_integer(),
          time_ns: non_neg_integer(),
          unix_ns: integer(),
          interval_ns: non_neg_integer(),
          runtime: map() | nil,
          devices: [map()],
          launches: [map()],
          launches_omitted: non_neg_integer(),
          active: [map()],
          active_omitted: non_neg_integer(),
          copies: [map()],
          copies_omitted: non_neg_integer(),
          compiles: [map()],
          compiles_omitted: non_neg_integer(),
          kernels: [map()],
          core_classes: [map()],
          owners: [map()],
          compile_stats: map() | nil,
          events: [map()],
          pipeline: map() | nil
        }
end
