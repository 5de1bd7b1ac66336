// Prometheus, the program itself, scraping the gateway beside a real load: what it stores is what the runtime says.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { System } from "./system";

const installed = ["prometheus", "promtool"].every((program) => spawnSync(program, ["--version"]).status === 0);
const system = new System();
const folder = mkdtempSync(join(tmpdir(), "amdgpu-prometheus-"));
let server: ChildProcess | null = null;
let port = 0;

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

async function query(expression: string): Promise<Sample[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
  return ((await answer.json()) as { data: { result: Sample[] } }).data.result;
}

describe.skipIf(!installed)("Prometheus", () => {
  beforeAll(async () => {
    await system.startLoad();
    await system.startGateway();
    port = await freePort();
    const config = join(folder, "prometheus.yml");
    writeFileSync(config, `global: {scrape_interval: 500ms, scrape_timeout: 400ms}\nscrape_configs: [{job_name: amdgpu, static_configs: [{targets: ["localhost:${system.port}"]}]}]\n`);
    server = spawn("prometheus", [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=127.0.0.1:${port}`, "--log.level=error"], { stdio: "ignore" });
    // Until it has scraped a few times.
    for (let i = 0; i < 200; i++) {
      const count = await query('count_over_time(up{job="amdgpu"}[1m])').catch(() => []);
      if (Number(count[0]?.value[1] ?? 0) >= 6) break;
      await wait(150);
    }
  });
  afterAll(async () => {
    server?.kill("SIGKILL");
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("takes every scrape", async () => {
    expect(Number((await query('min_over_time(up{job="amdgpu"}[1m])'))[0]?.value[1])).toBe(1);
    const targets = (await (await fetch(`http://127.0.0.1:${port}/api/v1/targets`)).json()) as { data: { activeTargets: { health: string; lastError: string }[] } };
    expect(targets.data.activeTargets.map((target) => [target.health, target.lastError])).toEqual([["up", ""]]);
  });

  it("has the devices and the kernels, under their names, with the runtime's numbers", async () => {
    const before = (await system.frame()) as { devices: { launches_total: string }[] };
    await wait(1200);
    const launches = await query("sum(gpu_kernel_launches_total)");
    const after = (await system.frame()) as typeof before;
    const scraped = Number(launches[0]?.value[1]);
    expect(scraped).toBeGreaterThanOrEqual(Number(before.devices[0]!.launches_total) * 0.98);
    expect(scraped).toBeLessThanOrEqual(Number(after.devices[0]!.launches_total));
    const kernels = (await query("gpu_kernel_launches_total")).map((sample) => sample.metric["kernel"]);
    for (const name of ["matmul", "saxpy", "show<script>"]) expect(kernels).toContain(name);
    expect(Number((await query("rate(gpu_kernel_launches_total{kernel=\"matmul\"}[5s])"))[0]?.value[1])).toBeGreaterThan(0);
    const memory = await query("gpu_memory_total_bytes");
    expect(Number(memory[0]?.value[1])).toBeGreaterThan(2 ** 28);
  });

  it("and promtool finds nothing wrong with the text", async () => {
    const text = await (await fetch(`${system.url}/metrics`, { headers: { accept: "text/plain" } })).text();
    execFileSync("promtool", ["check", "metrics"], { input: text });
  });
});
