// The page in a real browser, over a real gateway, beside a real load: what it shows is what the machine says.
//
// With $AMDGPU_SCREENSHOTS=DIR pictures of it are left there.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { barriers, chromiumPath, launchBrowser, openPage, System, untilState } from "./system";

const system = new System();
const recordings = mkdtempSync(join(tmpdir(), "amdgpu-recordings-"));
let browser: Browser;

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function texts(page: Page, selector: string): Promise<string[]> {
  return page.$$eval(selector, (elements) => elements.map((element) => element.textContent ?? ""));
}

/** What a canvas shows, shortened to a number. */
function pixels(page: Page, selector: string): Promise<number> {
  return page.$eval(selector, (element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    let hash = 0;
    for (let i = 0; i < data.length; i += 4) hash = (hash * 31 + data[i]! + data[i + 1]! * 7 + data[i + 2]! * 13) | 0;
    return hash;
  });
}

async function scrollTo(page: Page, panel: string): Promise<void> {
  await page.$eval(`[data-panel=${panel}]`, (element) => element.scrollIntoView({ block: "center" }));
  await wait(700);
}

describe.skipIf(chromiumPath() === null)("the page", () => {
  beforeAll(async () => {
    await system.startLoad();
    await system.startGateway(0, ["--recordings", recordings]);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await system.stop();
    rmSync(recordings, { recursive: true, force: true });
  });

  it("is sent with a strict policy and asks nobody else", async () => {
    const answer = await fetch(`${system.url}/`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain("unsafe");
    const html = await answer.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/<style|style=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  });

  it("shows what the runtime says", async () => {
    const { page, complaints } = await openPage(browser, system.url, 1280, "dark", 2600);
    await untilState(page, "live");
    await wait(3000);
    const frame = (await system.frame()) as { runtime: { hostname: string }; devices: { name: string; arch: string; worker: { pid: number }; launches_total: string; pool: { reserved_bytes: string } }[] };
    const device = frame.devices[0]!;
    const header = (await texts(page, "[data-panel=devices]")).join(" ");
    expect(header).toContain(device.name);
    expect(header).toContain(device.arch);
    expect(header).toContain(`pid ${device.worker.pid}`);
    expect(header).toContain("healthy");
    expect((await texts(page, ".ag-host"))[0]).toBe(frame.runtime.hostname);
    const kernels = await texts(page, "[data-panel=kernels] tbody td:first-child");
    for (const name of ["matmul", "saxpy", "stencil", "spikes"]) expect(kernels).toContain(name);
    const owners = (await texts(page, "[data-panel=owners] tbody td:first-child")).join(" ");
    expect(owners).toContain("trainer");
    const launches = (await texts(page, "[data-panel=kernels] tbody td:nth-child(4)")).map((text) => Number(text.replace(/\u202f/g, "")));
    const shown = launches.reduce((sum, count) => sum + count, 0);
    const after = (await system.frame()) as typeof frame;
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThanOrEqual(Number(after.devices[0]!.launches_total));
    expect(shown).toBeGreaterThan(Number(device.launches_total) * 0.5);
    const map = (await texts(page, "[data-panel=memory]")).join(" ");
    expect(map).toContain("64.0 MiB");
    expect(map).toMatch(/\d+ blocks/);
    // What is not measured on this machine is said, and never a zero.
    const power = (await texts(page, "[data-tile=power]"))[0]!;
    const measured = device as unknown as { values: { metric: string; absence?: string }[] };
    if (measured.values.some((value) => value.metric === "METRIC_POWER_WATTS" && value.absence !== undefined)) expect(power).toMatch(/^Power–/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("shows names that are markup as text, and runs none of them", async () => {
    const { page, complaints } = await openPage(browser, system.url, 1280, "dark", 2600);
    await untilState(page, "live");
    await page.waitForFunction(() => document.querySelector("[data-panel=kernels]")?.textContent?.includes("show<script>") === true, { timeout: 20_000 });
    await page.waitForFunction(() => document.querySelector("[data-panel=owners]")?.textContent?.includes("<b>sensors</b>") === true, { timeout: 20_000 });
    expect(await page.$$eval("main script, main b", (found) => found.length)).toBe(0);
    // Over launches that are labelled with a script, too.
    await page.focus(".ag-lanes");
    let label = "";
    for (let i = 0; i < 60 && !label.includes("alert"); i++) {
      await page.keyboard.press("p");
      await wait(40);
      label = (await texts(page, "[data-panel=timeline] .ag-tooltip"))[0] ?? "";
    }
    expect(label).toContain("<script>alert(1)</script>");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("moves, is paused, and goes on", async () => {
    const { page } = await openPage(browser, system.url, 1280, "dark");
    await untilState(page, "live");
    await wait(1500);
    const plot = "[data-chart=launches] .uplot canvas";
    const first = await pixels(page, plot);
    await wait(700);
    expect(await pixels(page, plot)).not.toBe(first);
    await page.click("button[aria-label=Pause]");
    await untilState(page, "paused");
    await wait(500);
    const held = await pixels(page, plot);
    await wait(700);
    expect(await pixels(page, plot)).toBe(held);
    await page.click("button[aria-label=Resume]");
    await untilState(page, "live");
    await wait(1000);
    expect(await pixels(page, plot)).not.toBe(held);
    await page.close();
  });

  it("the timeline zooms, pans and returns, by the keyboard and by the wheel", async () => {
    const { page } = await openPage(browser, system.url, 1280, "dark");
    await untilState(page, "live");
    await scrollTo(page, "timeline");
    const span = async () => {
      await wait(350);
      return (await texts(page, "[data-panel=timeline] .ag-span"))[0] ?? "";
    };
    expect(await span()).toMatch(/^1\.00 s shown$/);
    await page.focus(".ag-lanes");
    await page.keyboard.press("+");
    expect(await span()).toMatch(/^500 ms shown$/);
    await page.keyboard.press("ArrowLeft");
    expect(await span()).toMatch(/ending .* ago$/);
    await page.keyboard.press("End");
    expect(await span()).toMatch(/^500 ms shown$/);
    const box = (await (await page.$(".ag-lanes"))!.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + 10);
    await page.mouse.wheel({ deltaY: 240 });
    expect(await span()).toMatch(/^1\.36 s shown|^1\.[0-9]+ s shown/);
    await page.close();
  });

  it("filters and sorts the kernels", async () => {
    const { page } = await openPage(browser, system.url, 1280, "light", 2600);
    await untilState(page, "live");
    await page.waitForSelector("[data-panel=kernels] tbody tr");
    await page.type("[data-panel=kernels] input", "matmul");
    await wait(600);
    expect(await texts(page, "[data-panel=kernels] tbody td:first-child")).toEqual(["matmul"]);
    await page.$eval("[data-panel=kernels] input", (input) => {
      (input as HTMLInputElement).value = "";
      input.dispatchEvent(new Event("input"));
    });
    await page.click("[data-panel=kernels] th:first-child button");
    await wait(600);
    const names = await texts(page, "[data-panel=kernels] tbody td:first-child");
    expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b)));
    await page.close();
  });

  it("records on the gateway's side, gives the recording away, and shows a replay of it as one", { timeout: 120_000 }, async () => {
    const { page, complaints } = await openPage(browser, system.url, 1280, "dark");
    await untilState(page, "live");
    await page.click("button[aria-label=Record]");
    await page.waitForSelector("button[aria-label='Stop recording']", { timeout: 10_000 });
    await wait(2500);
    await page.click("button[aria-label='Stop recording']");
    await page.waitForSelector("button[aria-label=Record]", { timeout: 10_000 });

    const folder = mkdtempSync(join(tmpdir(), "amdgpu-download-"));
    const session = await browser.target().createCDPSession();
    await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
    await page.click(".ag-menu summary");
    await page.evaluate(() => [...document.querySelectorAll<HTMLElement>(".ag-choice")].find((choice) => choice.textContent?.startsWith("Recording"))!.click());
    let archive: string | undefined;
    for (let i = 0; i < 100 && archive === undefined; i++) {
      await wait(100);
      archive = readdirSync(folder).find((name) => name.endsWith(".tar"));
    }
    expect(archive).toMatch(/^amdgpu-.*\.recording\.tar$/);
    execFileSync("tar", ["xf", join(folder, archive!), "-C", folder]);
    expect(complaints).toEqual([]);
    await page.close();

    const replayed = new System();
    try {
      await replayed.startReplay(join(folder, "recording"));
      await replayed.startGateway();
      const { page: shown } = await openPage(browser, replayed.url, 1280, "dark", 2600);
      await untilState(shown, "replay");
      expect((await texts(shown, ".ag-banner"))[0]).toContain("A recording is replayed");
      await shown.waitForFunction(() => document.querySelector("[data-panel=kernels]")?.textContent?.includes("matmul") === true, { timeout: 20_000 });
      expect(await shown.$eval(".ag-record", (button) => (button as HTMLElement).hidden)).toBe(true);
      // It goes round: what was before does not keep the rest from being shown.
      const sequence = () => shown.$eval(".ag-badge", (badge) => Number(badge.getAttribute("data-pictures")));
      const before = await sequence();
      await wait(4000);
      expect(await sequence()).toBeGreaterThan(before + 60);
      await shown.close();
    } finally {
      await replayed.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("a hidden tab stops its feed", async () => {
    const { page } = await openPage(browser, system.url, 1280, "dark");
    await untilState(page, "live");
    const hide = (hidden: boolean) =>
      page.evaluate((value: boolean) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    const clients = async () => Number((await (await fetch(`${system.url}/metrics`)).text()).match(/^gpu_gateway_subscribers(?:\{[^}]*\})? (\d+)/m)?.[1] ?? NaN);
    expect(await clients()).toBe(1);
    await hide(true);
    await wait(600);
    expect(await clients()).toBe(0);
    await hide(false);
    await wait(600);
    expect(await clients()).toBe(1);
    await untilState(page, "live");
    await page.close();
  });

  it("says when the connection is lost, and finds it again", async () => {
    const { page } = await openPage(browser, system.url, 1280, "dark");
    await untilState(page, "live");
    const { port } = system;
    await system.stopGateway();
    await untilState(page, "disconnected");
    expect((await texts(page, ".ag-banner"))[0]).toContain("connection is lost");
    await system.startGateway(port, ["--recordings", recordings]);
    await untilState(page, "live", 30);
    expect(await page.$eval(".ag-banner", (banner) => (banner as HTMLElement).hidden)).toBe(true);
    await page.close();
  });

  it("fits narrow and wide screens, dark and light, and has no serious barrier", { timeout: 240_000 }, async () => {
    const shots = process.env["AMDGPU_SCREENSHOTS"];
    if (shots !== undefined) mkdirSync(shots, { recursive: true });
    for (const [width, theme] of [[1280, "dark"], [1280, "light"], [390, "dark"], [390, "light"]] as const) {
      const { page, complaints } = await openPage(browser, system.url, width, theme, 2400);
      await untilState(page, "live");
      await wait(shots === undefined ? 2500 : 32_000);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      if (shots !== undefined) await page.screenshot({ path: join(shots, `dashboard-${theme}-${width}.png`) as `${string}.png` });
      expect(await barriers(page), `${width} ${theme}`).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    }
  });

  it("says when the runtime has ended", async () => {
    const { page } = await openPage(browser, system.url, 1280, "dark");
    await untilState(page, "live");
    await system.stopLoad();
    await untilState(page, "no_runtime");
    expect((await texts(page, ".ag-banner"))[0]).toContain("the last that was told");
    await page.close();
    const later = await openPage(browser, system.url, 1280, "dark");
    await untilState(later.page, "no_runtime");
    await wait(600);
    expect((await texts(later.page, "[data-panel=devices]"))[0]).toContain("No runtime is running");
    await later.page.close();
  });
});
