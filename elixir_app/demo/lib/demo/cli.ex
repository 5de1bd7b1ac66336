defmodule Demo.CLI do
  @moduledoc "The command line of `bin/demo`."

  alias Demo.{Check, Pipeline, PNG, PPM, Serve}

  # The same text that bin/demo prints before anything is built.
  @external_resource usage = Path.expand("../../usage.txt", __DIR__)
  @usage File.read!(usage)

  @doc "Runs the demo; returns the exit code."
  @spec main([String.t()]) :: 0 | 1
  def main(arguments) do
    case parse(arguments) do
      :help ->
        IO.write(@usage)
        0

      {:ok, options} ->
        case run(options) do
          :ok -> 0
          {:error, reason} -> fail(reason)
        end

      {:error, reason} ->
        fail(reason)
    end
  end

  defp fail(%{__exception__: true} = error), do: fail(Exception.message(error))

  defp fail(reason) do
    IO.puts(:stderr, "demo: #{reason}")
    1
  end

  defp parse(arguments) do
    switches = [
      device: :string,
      size: :string,
      out: :string,
      port: :integer,
      once: :boolean,
      help: :boolean
    ]

    case OptionParser.parse(arguments, strict: switches, aliases: [h: :help]) do
      {options, paths, []} ->
        if options[:help], do: :help, else: options(options, paths)

      {_, _, [{name, nil} | _]} ->
        {:error, "unknown option or missing value: #{name}; see bin/demo --help"}

      {_, _, [{name, value} | _]} ->
        {:error, "#{name} does not take #{inspect(value)}; see bin/demo --help"}
    end
  end

  defp options(options, paths) do
    with {:ok, photo} <- photo(paths),
         {:ok, device} <- device(options[:device] || "best"),
         {:ok, size} <- size(options[:size] || "1920x1080"),
         {:ok, port} <- port(options[:port] || 4000) do
      {:ok,
       %{
         photo: photo,
         device: device,
         size: size,
         out: options[:out] || "demo_out",
         port: port,
         once: options[:once] || false
       }}
    end
  end

  defp photo([]), do: {:ok, nil}
  defp photo([path]), do: {:ok, path}
  defp photo(_), do: {:error, "one picture at a time; see bin/demo --help"}

  defp device(name) when name in ~w(host hip cuda best), do: {:ok, String.to_atom(name)}
  defp device(name), do: {:error, "unknown device #{inspect(name)}: host, hip, cuda or best"}

  defp port(port) when port in 1..65_535, do: {:ok, port}
  defp port(port), do: {:error, "--port takes a port from 1 to 65535, not #{port}"}

  defp size(text) do
    with [width, height] <- String.split(text, "x"),
         {width, ""} when width in 1..16_384 <- Integer.parse(width),
         {height, ""} when height in 1..16_384 and width * height <= 67_108_864 <-
           Integer.parse(height) do
      {:ok, {width, height}}
    else
      _ -> {:error, "--size takes WIDTHxHEIGHT, at most 64 megapixels, not #{inspect(text)}"}
    end
  end

  defp run(options) do
    # The picture first: what is wrong with it is said before a device is opened.
    with {:ok, photo} <- if(options.photo, do: PPM.read(options.photo), else: {:ok, nil}),
         :ok <- make_directory(options.out),
         {:ok, device} <- AMDGPU.open(options.device),
         {:ok, image, rendered} <- picture(device, photo, options.size),
         {:ok, steps} <- Pipeline.run(device, image),
         verdicts = verdicts(image, rendered, steps),
         :ok <- write(options.out, image, steps) do
      report(device, List.wrap(rendered) ++ steps, verdicts, options.out)
      wrong = for {name, {false, words}} <- verdicts, do: "#{name} (#{words})"

      cond do
        wrong != [] -> {:error, "results differ from the reference: #{Enum.join(wrong, ", ")}"}
        options.once -> AMDGPU.close(device)
        true -> Serve.run(device, options.port)
      end
    end
  end

  defp make_directory(path) do
    case File.mkdir_p(path) do
      :ok -> :ok
      {:error, reason} -> {:error, "#{path}: #{:file.format_error(reason)}"}
    end
  end

  defp picture(device, nil, {width, height}) do
    with {:ok, step} <- Pipeline.render(device, width, height),
         do: {:ok, %{width: width, height: height, rgb: step.result}, step}
  end

  defp picture(_device, photo, _size), do: {:ok, photo, nil}

  defp verdicts(%{width: width, height: height} = image, rendered, steps) do
    %{"luminance" => gray, "blur" => blurred} = results = Map.new(steps, &{&1.name, &1.result})

    %{
      "luminance" => Check.luminance(gray, image),
      "blur" => Check.blur(blurred, gray, width, height),
      "sobel" => Check.sobel(results["sobel"], blurred, width, height),
      "histogram" => Check.histogram(results["histogram"], gray),
      "sum" => Check.sum(results["sum"], gray)
    }
    |> then(fn all ->
      if rendered,
        do: Map.put(all, "mandelbrot", Check.mandelbrot(image.rgb, width, height)),
        else: all
    end)
  end

  defp write(out, %{width: width, height: height, rgb: rgb}, steps) do
    results = Map.new(steps, &{&1.name, &1.result})

    with :ok <- PNG.write(Path.join(out, "source.png"), :rgb, width, height, rgb),
         :ok <-
           PNG.write(Path.join(out, "blur.png"), :gray, width, height, bytes(results["blur"])),
         :ok <-
           PNG.write(Path.join(out, "sobel.png"), :gray, width, height, bytes(results["sobel"])) do
      PNG.write(Path.join(out, "histogram.png"), :gray, 256, 128, chart(results["histogram"]))
    end
  end

  defp bytes(plane),
    do: for(<<v::float-32-little <- plane>>, into: <<>>, do: <<min(round(v), 255)>>)

  # White bars on black, 128 pixels high; the logarithm keeps small counts visible.
  defp chart(bins) do
    top = bins |> Enum.max() |> scale()

    heights =
      Enum.map(bins, fn count -> if top == 0, do: 0, else: round(scale(count) / top * 127) end)

    for y <- 127..0, height <- heights, into: <<>> do
      if height > y, do: <<255>>, else: <<0>>
    end
  end

  defp scale(0), do: 0
  defp scale(count), do: :math.log(count + 1)

  defp report(device, steps, verdicts, out) do
    IO.puts("#{device.properties.name} (#{device.properties.kind}, #{device.properties.arch})\n")
    IO.puts(row(["kernel", "size", "time on device", "rate", "error against the reference"]))

    for step <- steps do
      {good?, words} = verdicts[step.name]
      mark = if good?, do: words, else: words <> "  WRONG"
      IO.puts(row([step.name, step.size, milliseconds(step.duration_ns), rate(step), mark]))
    end

    IO.puts(
      "\npictures in #{Path.relative_to_cwd(out)}/: source.png blur.png sobel.png histogram.png"
    )
  end

  defp row([name, size, time, rate, error]) do
    String.pad_trailing(name, 12) <>
      String.pad_trailing(size, 20) <>
      String.pad_leading(time, 14) <> String.pad_leading(rate, 16) <> "   " <> error
  end

  defp milliseconds(ns), do: :erlang.float_to_binary(ns / 1.0e6, decimals: 3) <> " ms"

  defp rate(%{flops: flops, duration_ns: ns}) when is_integer(flops),
    do: :erlang.float_to_binary(flops / max(ns, 1), decimals: 2) <> " GFLOP/s"

  defp rate(%{bytes: bytes, duration_ns: ns}),
    do: :erlang.float_to_binary(bytes / max(ns, 1), decimals: 2) <> " GB/s"
end
