// The pages of the Phoenix application in a real browser, beside a real load. $AMDGPU_PHOENIX says that its dependencies are
// there; bin/test sets it. With $AMDGPU_SCREENSHOTS=DIR pictures are left there.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { barriers, chromiumPath, launchBrowser, openPage, System, untilState } from "./system";

const system = new System();
let browser: Browser;

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const shots = process.env["AMDGPU_SCREENSHOTS"];

const LOOKS = [[1280, "dark"], [1280, "light"], [390, "dark"], [390, "light"]] as const;

async function text(page: Page, selector: string): Promise<string> {
  return page.$$eval(selector, (found) => found.map((element) => element.textContent ?? "").join(" "));
}

async function untilText(page: Page, selector: string, words: string, seconds = 20): Promise<void> {
  await page.waitForFunction((where: string, what: string) => [...document.querySelectorAll(where)].some((element) => element.textContent?.includes(what)), { timeout: seconds * 1000 }, selector, words);
}

async function shoot(page: Page, name: string): Promise<void> {
  if (shots === undefined) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) as `${string}.png`, fullPage: true });
}

async function write(page: Page, selector: string, value: string): Promise<void> {
  await page.$eval(
    selector,
    (element, text) => {
      (element as HTMLInputElement | HTMLTextAreaElement).value = text;
      element.dispatchEvent(new Event("input", { bubbles: true }));
    },
    value,
  );
}

describe.skipIf(chromiumPath() === null || process.env["AMDGPU_PHOENIX"] === undefined)("the Phoenix pages", () => {
  beforeAll(async () => {
    await system.startPhoenix();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await system.stop();
  });

  it("the monitor shows what runs, live, and names as text", async () => {
    const { page, complaints } = await openPage(browser, system.url, 1280, "dark", 2600);
    await untilState(page, "live");
    for (const kernel of ["matmul", "saxpy", "show<script>"]) await untilText(page, "#kernels th", kernel);
    await untilText(page, "#owners td", "<b>sensors</b>");
    await untilText(page, "#devices", "running");
    expect(await page.$$eval("main script, #owners b", (found) => found.length)).toBe(0);
    const launches = () => page.$eval("#devices", (element) => element.textContent ?? "");
    const before = await launches();
    await page.waitForFunction((old: string) => document.querySelector("#devices")?.textContent !== old, { timeout: 10_000 }, before);
    await page.type("#kernel-filter-text", "matmul");
    await page.waitForFunction(() => document.querySelectorAll("#kernels tr").length === 1, { timeout: 10_000 });
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("the monitor finds its connection again", async () => {
    const { page } = await openPage(browser, system.url, 1280, "dark");
    await untilState(page, "live");
    const lost = ".phx-loading, .phx-error, .phx-client-error";
    await page.evaluate((selector: string) => {
      const live = (window as unknown as { amdgpuLiveSocket: { socket: { conn: { close(): void } } } }).amdgpuLiveSocket;
      // It may be back before anybody looks.
      new MutationObserver(() => {
        if (document.querySelector(selector) !== null) document.documentElement.dataset["wasLost"] = "yes";
      }).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ["class"] });
      live.socket.conn.close();
    }, lost);
    await page.waitForSelector("[data-was-lost]", { timeout: 20_000 });
    await page.waitForFunction((selector: string) => document.querySelector(selector) === null, { timeout: 30_000 }, lost);
    const launches = await text(page, "#devices");
    await page.waitForFunction((old: string) => document.querySelector("#devices")?.textContent !== old, { timeout: 20_000 }, launches);
    await untilState(page, "live", 30);
    await page.close();
  });

  it("the kernel bench compiles, tells what is wrong where, runs and shows what came out", async () => {
    const { page, complaints } = await openPage(browser, `${system.url}/bench`, 1280, "dark", 1600);
    await page.waitForSelector("[data-phx-main].phx-connected");
    await write(page, "#bench-source", 'extern "C" __global__ void wrong(int* x) {\n  x[0] = missing;\n}\n');
    await write(page, "input[name=name]", "wrong");
    await page.click("#bench button[type=submit]");
    await untilText(page, ".agw-diagnostics", "missing", 30);
    expect(await text(page, ".agw-gutter .agw-error")).toContain("2");
    await page.click(".agw-place");
    await page.waitForFunction(() => document.activeElement?.id === "bench-source", { timeout: 5_000 });
    expect(await barriers(page)).toEqual([]);
    await shoot(page, "bench-wrong-dark-1280");

    await write(page, "#bench-source", 'extern "C" __global__ void twice(int n, float* x) {\n  int i = blockIdx.x * blockDim.x + threadIdx.x;\n  if (i < n) x[i] *= 2;\n}\n');
    await write(page, "input[name=name]", "twice");
    await page.click("#bench button[type=submit]");
    await untilText(page, "#bench-code", "none: vectorised", 30);
    await page.$$eval("#bench button", (buttons) => buttons.find((button) => button.textContent?.trim() === "Run")!.click());
    await untilText(page, ".agw-result", "GB/s", 30);
    expect(await text(page, ".agw-result")).toMatch(/median of \d+/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each(LOOKS)("the monitor fits %i pixels, %s, and has no serious barrier", { timeout: 120_000 }, async (width, theme) => {
    const { page, complaints } = await openPage(browser, system.url, width, theme, 2400);
    await untilState(page, "live");
    await untilText(page, "#kernels th", "matmul");
    await wait(shots === undefined ? 500 : 12_000);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await shoot(page, `monitor-${theme}-${width}`);
    expect(await barriers(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each(LOOKS)("the kernel bench fits %i pixels, %s, and has no serious barrier", { timeout: 120_000 }, async (width, theme) => {
    const { page, complaints } = await openPage(browser, `${system.url}/bench`, width, theme);
    await page.waitForSelector("[data-phx-main].phx-connected");
    await page.click("#bench button[type=submit]");
    await page.waitForSelector("#bench-code", { timeout: 30_000 });
    await page.$$eval("#bench button", (buttons) => buttons.find((button) => button.textContent?.trim() === "Run")!.click());
    await untilText(page, ".agw-result", "GB/s", 30);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await shoot(page, `bench-${theme}-${width}`);
    expect(await barriers(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
