// The LiveView hooks in a real browser: the test plays LiveView and passes frames of a real gateway on.
import { join } from "node:path";
import { Socket } from "phoenix";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { chromiumPath, dist, launchBrowser, System } from "./system";

const system = new System();
let browser: Browser;
let socket: Socket;
let latest = "";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the browser keeps of the LiveView that is played. */
interface Played {
  pushed: [string, Record<string, unknown>][];
  handlers: Record<string, (payload: unknown) => void>;
  hooks: Record<string, Record<string, unknown>>;
}

/** A page with the hooks' script and styles, and an element of each given kind, mounted in order. */
async function mounted(elements: { hook: string; data: Record<string, string> }[]): Promise<Page> {
  const page = await browser.newPage();
  await page.setBypassCSP(true);
  await page.setViewport({ width: 1280, height: 2400 });
  await page.goto(`${system.url}/healthz`);
  await page.addStyleTag({ path: join(dist, "hooks", "amdgpu.css") });
  await page.addScriptTag({ path: join(dist, "hooks", "amdgpu_hooks.js") });
  await page.evaluate((wanted: { hook: string; data: Record<string, string> }[]) => {
    const played: Played = { pushed: [], handlers: {}, hooks: {} };
    const all = (window as unknown as { AmdgpuHooks: { hooks: Record<string, Record<string, (this: unknown) => void>> } }).AmdgpuHooks.hooks;
    document.body.replaceChildren();
    wanted.forEach(({ hook, data }, i) => {
      const el = document.createElement("div");
      el.id = `hook-${i}`;
      el.className = "amdgpu";
      Object.assign(el.dataset, data);
      document.body.append(el);
      const self = {
        ...all[hook],
        el,
        pushEvent: (event: string, payload: Record<string, unknown>) => void played.pushed.push([event, payload]),
        handleEvent: (event: string, callback: (payload: unknown) => void) => void (played.handlers[event] = callback),
      };
      played.hooks[el.id] = self;
      all[hook]!["mounted"]!.call(self);
    });
    (window as unknown as { played: Played }).played = played;
  }, elements);
  return page;
}

async function feed(page: Page, frames: number): Promise<void> {
  for (let i = 0; i < frames; i++) {
    const frame = latest;
    await page.evaluate((text: string) => (window as unknown as { played: Played }).played.handlers["amdgpu:frame"]!({ frame: text }), frame);
    for (let k = 0; k < 50 && latest === frame; k++) await wait(10);
  }
}

const pushed = (page: Page) => page.evaluate(() => (window as unknown as { played: Played }).played.pushed);
const text = (page: Page, selector: string) => page.$$eval(selector, (found) => found.map((element) => element.textContent ?? "").join(" "));

describe.skipIf(chromiumPath() === null)("the LiveView hooks", () => {
  beforeAll(async () => {
    await system.startLoad();
    await system.startGateway();
    browser = await launchBrowser();
    socket = new Socket(`ws://localhost:${system.port}/socket`, { transport: WebSocket });
    socket.connect();
    const channel = socket.channel("gpu:telemetry", { rate: 60 });
    channel.on("telemetry_update", (payload: ArrayBuffer) => void (latest = Buffer.from(payload).toString("base64")));
    channel.join();
    for (let i = 0; i < 100 && latest === ""; i++) await wait(100);
  });
  afterAll(async () => {
    await browser?.close();
    socket?.disconnect();
    await system.stop();
  });

  it("a dashboard asks for its rate, shows frames and acknowledges them", async () => {
    const page = await mounted([{ hook: "AmdgpuDashboard", data: { recordEvents: "" } }]);
    expect(await pushed(page)).toEqual([["amdgpu:feed", { rate: 60 }]]);
    await feed(page, 90);
    await wait(600);
    const acks = (await pushed(page)).filter(([event]) => event === "amdgpu:ack").map(([, payload]) => Number(payload["frames"]));
    expect(acks.reduce((sum, count) => sum + count, 0)).toBe(90);
    expect(acks.length).toBeLessThanOrEqual(20);
    expect(await text(page, "[data-panel=kernels] tbody")).toContain("matmul");
    expect(await text(page, ".ag-state")).toBe("live");
    await page.click(".ag-record");
    expect((await pushed(page)).at(-1)).toEqual(["amdgpu:record", { active: true }]);
    await page.click("button[aria-label=Pause]");
    expect((await pushed(page)).at(-1)).toEqual(["amdgpu:feed", { rate: 0 }]);
    await page.close();
  });

  it("panels are fed by the page's feed, in whatever order they come, and go", async () => {
    const page = await mounted([
      { hook: "AmdgpuPanel", data: { panel: "kernels" } },
      { hook: "AmdgpuFeed", data: { rate: "30" } },
      { hook: "AmdgpuPanel", data: { panel: "devices" } },
    ]);
    expect(await pushed(page)).toEqual([["amdgpu:feed", { rate: 30 }]]);
    await feed(page, 70);
    await wait(500);
    expect(await text(page, "#hook-0 tbody")).toContain("saxpy");
    expect(await text(page, "#hook-2")).toContain("healthy");
    const left = await page.evaluate(() => {
      const { hooks } = (window as unknown as { played: Played }).played;
      for (const id of ["hook-0", "hook-1"]) (hooks[id]!["destroyed"] as (this: unknown) => void).call(hooks[id]);
      return [0, 1, 2].map((i) => document.getElementById(`hook-${i}`)!.childElementCount);
    });
    expect(left).toEqual([0, 0, 0]);
    await page.close();
  });

  it("a lost connection is said, and the rate asked for again", async () => {
    const page = await mounted([{ hook: "AmdgpuDashboard", data: { panels: "toolbar devices" } }]);
    await feed(page, 5);
    const call = (name: string) =>
      page.evaluate((method: string) => {
        const hook = (window as unknown as { played: Played }).played.hooks["hook-0"]!;
        (hook[method] as (this: unknown) => void).call(hook);
      }, name);
    await call("disconnected");
    await wait(400);
    expect(await text(page, ".ag-state")).toBe("disconnected");
    await call("reconnected");
    expect((await pushed(page)).at(-1)).toEqual(["amdgpu:feed", { rate: 60 }]);
    await feed(page, 5);
    await wait(400);
    expect(await text(page, ".ag-state")).toBe("live");
    expect(await page.$$eval("[data-panel]", (panels) => panels.length)).toBe(2);
    await page.close();
  });
});
