defmodule AMDGPU.ReadmeTest do
  # End to end: what the README and the guide show runs, and prints what they say.
  use ExUnit.Case, async: true
  import ExUnit.CaptureIO

  @readme Path.expand("../../../README.md", __DIR__)
  @guide Path.expand("../guides/getting_started.md", __DIR__)

  # The fenced blocks of a text: `{language, lines}`.
  defp blocks(text) do
    for [_, language, body] <- Regex.scan(~r/^```(\w*)\n(.*?)^```$/ms, text), do: {language, body}
  end

  test "the README's kernel prints what the README says" do
    [{"elixir", code}, {"", printed}] =
      @readme
      |> File.read!()
      |> blocks()
      |> Enum.drop_while(fn {_, body} -> not (body =~ "AMDGPU.open()") end)
      |> Enum.take(2)

    {{_, bound}, output} = with_io(fn -> Code.eval_string(code) end)
    AMDGPU.close(bound[:dev])
    [numbers, time] = String.split(output, "\n", trim: true)
    [said, _] = String.split(printed, "\n", trim: true)
    assert numbers == said
    assert time =~ ~r/^[\d.]+ µs on ./
  end

  test "the guide's steps run, one after the other" do
    [_, steps] = @guide |> File.read!() |> String.split("## Open a device")
    [steps, _] = String.split(steps, "## When it goes wrong")
    code = Enum.map_join(blocks(steps), "\n", fn {"elixir", body} -> body end)
    {_, bound} = Code.eval_string(code)
    floats = for <<x::float-32-little <- bound[:result]>>, do: x
    assert floats == for(i <- 1..1000, do: 2.0 * i)
    assert bound[:launch].duration_ns > 0
    <<sum::float-32-little>> = AMDGPU.Buffer.to_binary!(bound[:sum])
    assert_in_delta sum, Enum.sum(for i <- 1..1000, do: 9.0 * i * i + 1), 1.0e4
    AMDGPU.close(bound[:device])
  end
end
