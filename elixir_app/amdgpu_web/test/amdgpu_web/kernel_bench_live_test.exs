defmodule AMDGPUWeb.KernelBenchLiveTest do
  use AMDGPUWeb.Case

  alias AMDGPUWeb.KernelBench.Limits

  @double ~S|extern "C" __global__ void twice(int n, float* x) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) x[i] *= 2; }|

  setup do
    put_config(:kernel_bench, true)
    # What other tests did is of no account here.
    :sys.replace_state(Limits, fn _ -> %{inside: %{}, past: %{}} end)
    :ok
  end

  defp open_bench do
    {:ok, view, _} = live(local_conn(), "/bench")
    view
  end

  defp compile(view, source, name) do
    view
    |> form("#bench", %{"source" => source, "name" => name, "device" => "host:0"})
    |> render_submit()

    render_async(view, 30_000)
  end

  defp run(view) do
    view |> element("button", "Run") |> render_click()
    render_async(view, 30_000)
  end

  test "the page has the source as it is" do
    assert local_conn() |> get("/bench") |> html_response(200) =~
             "extern &quot;C&quot; __global__ void saxpy"
  end

  test "it is off unless it was turned on" do
    put_config(:kernel_bench, false)
    assert {:error, {:redirect, %{to: "/"}}} = live(local_conn(), "/bench")
  end

  test "a kernel is compiled, run and measured" do
    view = open_bench()
    html = compile(view, @double, "twice")
    assert html =~ "Run twice"
    assert has_element?(view, "td", "float *") or has_element?(view, "td", "float*")

    view
    |> form("#bench", %{
      "source" => @double,
      "grid" => "16",
      "block" => "64",
      "argument" => %{
        "n" => %{"value" => "1024"},
        "x" => %{"elements" => "1024", "fill" => "ones"}
      }
    })
    |> render_change()

    html = run(view)
    assert html =~ "Time, median of"
    assert html =~ "GB/s"
    assert html =~ "2.0  2.0  2.0"
    assert html =~ "100 %"
  end

  test "what is known of the generated code is shown, and what is not is no zero" do
    put_config(:kernel_bench_limits, runs_per_minute: 10_000)
    view = open_bench()
    code = fn -> view |> element("#bench-code") |> render() end
    refute has_element?(view, "#bench-code")

    shared =
      ~S|extern "C" __global__ void k(int n, float* x) { __shared__ float s[64]; int i = threadIdx.x; s[i] = x[i]; __syncthreads(); if (i < n) x[i] = s[63 - i]; }|

    compile(view, shared, "k")
    assert code.() =~ "256 B"
    assert code.() =~ "none: vectorised"
    refute code.() =~ ~r/<dd>0( B)?</
    assert code.() =~ "no block shape yet"
    render_change(form(view, "#bench", %{"source" => shared, "grid" => "1", "block" => "64"}))

    # A shape gets code of its own beside the launches.
    eventually(fn ->
      run(view)
      code.() =~ ~r/own<\/dt>\s*<dd>\s*64/
    end)
  end

  test "what the compiler says is shown at the lines" do
    view = open_bench()
    html = compile(view, "__global__ void f(int* x) {\n  x[0] = undefined_thing;\n}\n", "f")
    assert html =~ "undefined_thing"
    assert has_element?(view, ".agw-gutter .agw-error", "2")
    refute has_element?(view, ".agw-gutter .agw-error", "1")
    assert has_element?(view, "button[phx-value-line='2']", "2:10")
    refute has_element?(view, "button", "Run")
    view |> element("button[phx-value-line='2']") |> render_click()
    assert_push_event(view, "amdgpu:goto", %{line: 2, column: 10})
  end

  test "a source that is edited has to be compiled again" do
    view = open_bench()
    assert compile(view, @double, "twice") =~ "Run twice"
    html = view |> form("#bench", %{"source" => @double <> "\n"}) |> render_change()
    refute html =~ "Run twice"
  end

  test "source and names are shown, not run" do
    view = open_bench()
    bad = "</textarea><script>alert(1)</script>"
    html = compile(view, bad, "<img src=x onerror=alert(1)>")
    refute html =~ "<script>"
    refute html =~ "<img"
    # Some parsers leave a textarea's text as it is, and escape it once more.
    assert html =~ ~r/&(amp;)?lt;\/textarea&(amp;)?gt;&(amp;)?lt;script/
  end

  test "a kernel that faults or does not end gives an error, and the page goes on" do
    put_config(:kernel_bench_limits, run_ms: 300)
    view = open_bench()
    assert compile(view, "__global__ void bad(int* x) { *(int*)8 = x[0]; }", "bad") =~ "Run bad"
    assert run(view) =~ "bad"
    assert has_element?(view, "[role=alert]")

    assert compile(
             view,
             "__global__ void hang(volatile int* x) { while (x[0] == x[0]) {} }",
             "hang"
           ) =~ "Run hang"

    run(view)
    assert has_element?(view, "[role=alert]")
    assert compile(view, @double, "twice") =~ "Run twice"
    assert run(view) =~ "Time, median of"
  end

  test "wrong sizes are said" do
    view = open_bench()
    compile(view, @double, "twice")

    for {fields, words} <- [
          {%{"grid" => "many"}, "grid: expected"},
          {%{"grid" => "1", "block" => "1x2x3x4"}, "block: expected"},
          {%{"block" => "64", "argument" => %{"x" => %{"elements" => "-1"}}}, "x: elements"},
          {%{"argument" => %{"x" => %{"elements" => "900000000"}}},
           "larger than what is allowed"},
          {%{"argument" => %{"x" => %{"elements" => "64"}, "n" => %{"value" => "1e9"}}},
           "n: value"}
        ] do
      # A parser that leaves a textarea's text escaped would change the source.
      view |> form("#bench", Map.put(fields, "source", @double)) |> render_change()
      assert run(view) =~ words
    end
  end

  test "a user has so many compiles a minute, one at a time, and a longest source" do
    put_config(:kernel_bench_limits, compiles_per_minute: 2, source_bytes: 500)
    view = open_bench()
    assert compile(view, String.duplicate("/", 501), "f") =~ "longer than 500 bytes"
    assert compile(view, @double, "twice") =~ "Run twice"
    assert compile(view, @double <> " ", "twice") =~ "Run twice"
    assert compile(view, @double <> "  ", "twice") =~ "more than 2 a minute"
    # Another page of the same user is the same user.
    assert compile(open_bench(), @double, "twice") =~ "more than 2 a minute"
  end

  test "limits: at once, per user, and given back by who dies" do
    put_config(:kernel_bench_limits, at_once: 1)
    parent = self()

    holder =
      spawn(fn ->
        Limits.within("ann", :run, fn ->
          send(parent, :inside)
          Process.sleep(:infinity)
        end)
      end)

    assert_receive :inside
    assert {:error, why} = Limits.within("ann", :run, fn -> :ran end)
    assert why =~ "not finished"
    assert :ran = Limits.within("bob", :run, fn -> :ran end)
    Process.exit(holder, :kill)
    eventually(fn -> Limits.within("ann", :run, fn -> :ran end) == :ran end)
  end

  test "the page's device closes with the page" do
    view = open_bench()
    compile(view, @double, "twice")
    open = fn -> DynamicSupervisor.count_children(AMDGPU.DeviceSupervisor).active end
    assert open.() == 1
    Process.flag(:trap_exit, true)
    Process.exit(view.pid, :kill)
    eventually(fn -> open.() == 0 end)
  end
end
