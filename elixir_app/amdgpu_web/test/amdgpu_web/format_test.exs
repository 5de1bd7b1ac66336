defmodule AMDGPUWeb.FormatTest do
  use ExUnit.Case, async: true
  import AMDGPUWeb.Format

  doctest AMDGPUWeb.Format, except: [count: 1]

  test "every size has a unit and three digits" do
    assert bytes(0) == "0 B"
    assert bytes(1023) == "1023 B"
    assert bytes(64 * 1024 * 1024) == "64.0 MiB"
    assert duration(999) == "999 ns"
    assert duration(123_456) == "123 µs"
    assert duration(3_600_000_000_000) == "3600 s"
    assert count(999) == "999"
    assert count(-1_000_005) == "-1\u202F000\u202F005"
    assert count(1_234_567) == "1\u202F234\u202F567"
    assert percent(1) == "100 %"
    assert percent(nil) == "–"
    assert giga(0, 10, "B/s") == "–"
    assert giga(10, 0, "B/s") == "–"
    assert time(0) == "00:00:00"
    assert age(-1) == "0 s"
    assert age(90_000) == "1 d 1 h"
  end
end
