defmodule AMDGPUWeb.Format do
  @moduledoc "Numbers with units, short enough for a table."

  @doc """
      iex> AMDGPUWeb.Format.bytes(1536)
      "1.50 KiB"
      iex> AMDGPUWeb.Format.bytes(nil)
      "–"
  """
  @spec bytes(non_neg_integer() | nil) :: String.t()
  def bytes(nil), do: "–"
  def bytes(n) when n < 1024, do: "#{n} B"
  def bytes(n), do: scaled(n / 1024, 1024, ~w(KiB MiB GiB TiB PiB))

  @doc """
      iex> AMDGPUWeb.Format.duration(1_530)
      "1.53 µs"
      iex> AMDGPUWeb.Format.duration(90_000_000_000)
      "90.0 s"
  """
  @spec duration(non_neg_integer()) :: String.t()
  def duration(ns) when ns < 1000, do: "#{ns} ns"
  def duration(ns), do: scaled(ns / 1000, 1000, ["µs", "ms", "s"])

  @doc """
      iex> AMDGPUWeb.Format.count(1_234_007)
      "1 234 007"
  """
  @spec count(integer()) :: String.t()
  def count(n) when n < 0, do: "-" <> count(-n)
  def count(n) when n < 1000, do: Integer.to_string(n)

  def count(n) do
    {most, last} = {div(n, 1000), rem(n, 1000)}
    digits = for unit <- [100, 10, 1], into: "", do: <<?0 + rem(div(last, unit), 10)>>
    # A thin space that no line breaks at.
    count(most) <> "\u202F" <> digits
  end

  @doc """
      iex> AMDGPUWeb.Format.percent(0.256)
      "25.6 %"
  """
  @spec percent(number() | nil) :: String.t()
  def percent(nil), do: "–"
  def percent(ratio), do: digits(ratio * 100.0) <> " %"

  @doc """
  `amount` per nanosecond is as many G per second.

      iex> AMDGPUWeb.Format.giga(3_200, 1_000, "B/s")
      "3.20 GB/s"
  """
  @spec giga(non_neg_integer() | nil, non_neg_integer(), String.t()) :: String.t()
  def giga(amount, ns, _unit) when amount in [nil, 0] or ns == 0, do: "–"
  def giga(amount, ns, unit), do: digits(amount / ns) <> " G" <> unit

  @doc "The time of day, UTC, of unix seconds."
  @spec time(integer()) :: String.t()
  def time(seconds),
    do: seconds |> DateTime.from_unix!() |> Calendar.strftime("%H:%M:%S")

  @doc """
      iex> AMDGPUWeb.Format.age(3_725)
      "1 h 2 min"
  """
  @spec age(integer()) :: String.t()
  def age(seconds) when seconds < 60, do: "#{max(seconds, 0)} s"
  def age(seconds) when seconds < 3600, do: "#{div(seconds, 60)} min"

  def age(seconds) when seconds < 86_400,
    do: "#{div(seconds, 3600)} h #{div(rem(seconds, 3600), 60)} min"

  def age(seconds), do: "#{div(seconds, 86_400)} d #{div(rem(seconds, 86_400), 3600)} h"

  defp scaled(value, _step, [unit]), do: digits(value) <> " " <> unit

  defp scaled(value, step, [unit | larger]) do
    if value < step, do: digits(value) <> " " <> unit, else: scaled(value / step, step, larger)
  end

  # Three of them.
  defp digits(value) when value >= 99.95, do: value |> round() |> Integer.to_string()
  defp digits(value) when value >= 9.995, do: :erlang.float_to_binary(value * 1.0, decimals: 1)
  defp digits(value), do: :erlang.float_to_binary(value * 1.0, decimals: 2)
end
