// How fast the dashboard is, in headless Chromium on this machine, over a real gateway beside a real load:
// - from the opening of a cold page to the first useful picture: the device's name and a value on the screen;
// - from the sample to the painted pixel, as the page itself measures it: the message after an animation frame's painting;
// - the main thread's time for each picture, from Chromium's own counters: script, style, layout, everything;
// - the heap after a collection, at the end against after the warm-up.
//
// usage: bench/dashboard/run [--seconds N] [--window SECONDS] [--url URL of a gateway that runs]
import type { Page } from "../../elixir_app/assets/node_modules/puppeteer-core";
import { launchBrowser, System } from "../../elixir_app/assets/test/e2e/system";

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise);
}

const seconds = Number(option("seconds", "40"));
const shown = option("window", "30");
const url = option("url", "");
const WARM_UP = 12;

const wait = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1000));
const row = (what: string, value: string, target = "") => console.log(`${what.padEnd(58)}${value.padStart(12)}   ${target}`);

async function firstPaint(browser: Awaited<ReturnType<typeof launchBrowser>>, address: string): Promise<{ contentful: number; useful: number }> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setCacheEnabled(false);
  await page.evaluateOnNewDocument(() => {
    const watch = () => {
      const tile = document.querySelector(".ag-tile-number");
      if (tile?.textContent && document.querySelector(".ag-device-name")?.textContent) {
        // After the picture that has them.
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => ((window as unknown as { useful: number }).useful = performance.now());
          channel.port2.postMessage(0);
        });
      } else requestAnimationFrame(watch);
    };
    requestAnimationFrame(watch);
  });
  await page.goto(address);
  await page.waitForFunction(() => (window as unknown as { useful?: number }).useful !== undefined, { timeout: 20_000 });
  const times = await page.evaluate(() => ({ contentful: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN, useful: (window as unknown as { useful: number }).useful }));
  await context.close();
  return times;
}

async function collected(page: Page): Promise<number> {
  const session = await page.createCDPSession();
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  await session.detach();
  return (await page.metrics()).JSHeapUsedSize ?? NaN;
}

const system = new System();
let address = url;
if (address === "") {
  await system.startLoad();
  await system.startGateway();
  address = system.url;
  await wait(2);
}
const browser = await launchBrowser();
try {
  const paints: { contentful: number; useful: number }[] = [];
  for (let i = 0; i < 5; i++) paints.push(await firstPaint(browser, address));
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
  row("first contentful paint, cold, median of 5", `${median(paints.map((p) => p.contentful)).toFixed(0)} ms`);
  row("first useful picture (a device and a value), cold", `${median(paints.map((p) => p.useful)).toFixed(0)} ms`, "target 500 ms");

  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(address);
  await page.waitForFunction(() => document.documentElement.dataset["amdgpuState"] === "live", { timeout: 20_000 });
  await page.$eval(`.ag-segments input[value="${shown}"]`, (input) => (input as HTMLInputElement).click());
  await wait(WARM_UP);

  const heapBefore = await collected(page);
  const before = await page.metrics();
  const p50s: number[] = [];
  const p99s: number[] = [];
  const means: number[] = [];
  const pictures: number[] = [];
  // The page keeps the last 512 values: about eight seconds of them.
  for (let elapsed = 0; elapsed < seconds; elapsed += 8) {
    await wait(Math.min(8, seconds - elapsed));
    const badge = await page.$eval(".ag-badge", (element) => ({ ...(element as HTMLElement).dataset, text: element.textContent ?? "" }));
    p50s.push(Number(badge["p50"]));
    p99s.push(Number(badge["p99"]));
    means.push(Number(badge["mean"]));
    pictures.push(Number(badge["pictures"]));
  }
  const after = await page.metrics();
  const heapAfter = await collected(page);
  const badge = await page.$eval(".ag-badge", (element) => element.textContent);
  const drawn = pictures.at(-1)! - (pictures[0]! - 0);
  const span = after.Timestamp! - before.Timestamp!;
  const each = (name: "TaskDuration" | "ScriptDuration" | "LayoutDuration" | "RecalcStyleDuration") => ((after[name]! - before[name]!) * 1000) / (span * 60);
  row(`sample to painted pixel, mean over ${seconds} s`, `${(means.reduce((a, b) => a + b, 0) / means.length).toFixed(1)} ms`, "target 16 ms");
  row("sample to painted pixel, p50 / p99 (median of the eighths)", `${median(p50s).toFixed(1)} / ${median(p99s).toFixed(1)}`, "target p99 33 ms");
  row("... the worst eight seconds' p99", `${Math.max(...p99s).toFixed(1)} ms`);
  row("pictures a second", (drawn / (span * ((pictures.length - 1) / pictures.length))).toFixed(1));
  row("main thread, of a 60 Hz frame: everything", `${each("TaskDuration").toFixed(2)} ms`, "target 8 ms");
  row("... script / style / layout", `${each("ScriptDuration").toFixed(2)} / ${each("RecalcStyleDuration").toFixed(2)} / ${each("LayoutDuration").toFixed(2)}`);
  row("heap after the warm-up, at the end", `${(heapBefore / 2 ** 20).toFixed(2)} / ${(heapAfter / 2 ** 20).toFixed(2)} MiB`, "target: no growth");
  console.log(`badge: ${badge}`);
} finally {
  await browser.close();
  await system.stop();
}
