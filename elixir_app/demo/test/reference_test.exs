defmodule Demo.ReferenceTest do
  use ExUnit.Case, async: true

  alias Demo.Reference

  test "a blur keeps a flat picture and spreads a point by the binomial weights" do
    flat = List.duplicate(8.0, 9)
    assert Reference.blur_row(List.duplicate(flat, 5)) == flat

    point = [0.0, 0.0, 0.0, 0.0, 256.0, 0.0, 0.0, 0.0, 0.0]
    zero = List.duplicate(0.0, 9)

    assert Reference.blur_row([zero, zero, point, zero, zero]) |> Enum.slice(2, 5) == [
             6.0,
             24.0,
             36.0,
             24.0,
             6.0
           ]
  end

  test "the blur clamps at the edges, on rows of any width" do
    for width <- 1..6 do
      row = Enum.map(1..width, &(&1 * 1.0))
      clamp = fn i -> Enum.at(row, min(max(i, 0), width - 1)) end

      expected =
        for x <- 0..(width - 1) do
          (clamp.(x - 2) + 4 * clamp.(x - 1) + 6 * clamp.(x) + 4 * clamp.(x + 1) + clamp.(x + 2)) /
            16
        end

      assert Reference.blur_row(List.duplicate(row, 5)) == expected
    end
  end

  test "the gradient of a ramp is its slope times eight" do
    ramp = [0.0, 1.0, 2.0, 3.0]
    assert Reference.sobel_row(ramp, ramp, ramp) == [0.0, 8.0, 8.0, 0.0]
    assert Reference.sobel_row([1.0], [1.0], [1.0]) == [0.0]
    assert Reference.sobel_row([1.0, 1.0], [1.0, 2.0], [1.0, 3.0]) == [0.0, 0.0]
  end

  test "histogram and sum of known values" do
    gray = for v <- [0.0, 0.9, 1.0, 254.5, 255.0, 300.0], into: <<>>, do: <<v::float-32-little>>
    bins = Reference.histogram(gray)

    assert {Enum.at(bins, 0), Enum.at(bins, 1), Enum.at(bins, 254), Enum.at(bins, 255)} ==
             {2, 1, 1, 2}

    assert Enum.sum(bins) == 6
    assert_in_delta Reference.sum(gray), 811.4, 1.0e-4
  end
end
