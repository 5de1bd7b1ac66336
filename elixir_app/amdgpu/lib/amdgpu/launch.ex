defmodule AMDGPU.Launch do
  @moduledoc """
  What a finished launch took. All times are nanoseconds.

    * `duration_ns` - running on the device: from its start to its end
    * `queued_ns` - waiting: from the call of `AMDGPU.launch/3` to its start
    * `queued_at`, `started_at`, `ended_at` - the three moments on one monotonic clock (the system's
      `CLOCK_MONOTONIC`), comparable between launches of every device of this machine
    * `specialised` - whether it ran code compiled for its block shape
  """

  @enforce_keys [:duration_ns, :queued_ns, :queued_at, :started_at, :ended_at, :specialised]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          duration_ns: non_neg_integer(),
          queued_ns: non_neg_integer(),
          queued_at: non_neg_integer(),
          started_at: non_neg_integer(),
          ended_at: non_neg_integer(),
          specialised: boolean()
        }

  @doc false
  def new(queued_at, started_at, ended_at, specialised) do
    %__MODULE__{
      duration_ns: max(ended_at - started_at, 0),
      queued_ns: max(started_at - queued_at, 0),
      queued_at: queued_at,
      started_at: started_at,
      ended_at: ended_at,
      specialised: specialised
    }
  end
end
