// A running system for the tests: a load on the host device, a gateway beside it, a browser before it.
//
// Found by the environment: $AMDGPU_PRIV_DIR or the native build of $AMDGPU_NATIVE_PRESET (release), as the library finds it.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

const assets = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const repository = join(assets, "..", "..");
const library = join(repository, "elixir_app", "amdgpu");

export const dist = process.env["AMDGPU_ASSETS_OUT"] ?? join(assets, "dist");

/** A program of the native build. */
function program(name: string): string {
  const priv = process.env["AMDGPU_PRIV_DIR"] ?? join(library, "priv", "native", process.env["AMDGPU_NATIVE_PRESET"] ?? "release");
  return join(priv, name);
}

export const gatewayPath = (): string => program("amdgpu-gateway");

export function chromiumPath(): string | null {
  for (const path of [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser"]) if (path && existsSync(path)) return path;
  return null;
}

/** Runs a program until a line of its output matches; gives what the pattern caught. */
function startUntil(command: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv }, pattern: RegExp, seconds: number): Promise<{ child: ChildProcess; match: RegExpMatchArray }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${command} did not say ${pattern} within ${seconds} s:\n${output}`));
    }, seconds * 1000);
    const listen = (chunk: Buffer) => {
      output += chunk.toString();
      const match = output.match(pattern);
      if (match === null) return;
      clearTimeout(timer);
      output = "";
      resolve({ child, match });
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`${command} ended with ${code}:\n${output}`));
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  return child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once("exit", () => resolve()));
}

export class System {
  private readonly folder = mkdtempSync(join(tmpdir(), "amdgpu-web-"));
  private load: ChildProcess | null = null;
  private gateway: ChildProcess | null = null;
  private replay: ChildProcess | null = null;
  port = 0;

  private get env(): NodeJS.ProcessEnv {
    return { ...process.env, AMDGPU_RUNTIME_DIR: this.folder };
  }
  get url(): string {
    return `http://localhost:${this.port}`;
  }

  async startLoad(): Promise<void> {
    const { child } = await startUntil("mix", ["run", join(repository, "bench", "dashboard", "load.exs")], { cwd: library, env: { ...this.env, MIX_ENV: process.env["MIX_ENV"] ?? "dev" } }, /load runs/, 170);
    this.load = child;
    child.stdout?.resume();
    child.stderr?.resume();
  }

  async stopLoad(): Promise<void> {
    const { load } = this;
    this.load = null;
    if (load === null) return;
    load.stdin?.end();
    const timer = setTimeout(() => load.kill("SIGKILL"), 10_000);
    await ended(load);
    clearTimeout(timer);
  }

  async startGateway(port = 0, more: string[] = []): Promise<void> {
    const { child, match } = await startUntil(gatewayPath(), ["--port", String(port), "--static", join(dist, "page"), ...more], { env: this.env }, /listening on \S+ port (\d+)/, 20);
    this.gateway = child;
    this.port = Number(match[1]);
  }

  async stopGateway(): Promise<void> {
    const { gateway } = this;
    this.gateway = null;
    if (gateway === null) return;
    gateway.kill("SIGKILL");
    await ended(gateway);
  }

  /** The Phoenix application with the load in its own process. */
  async startPhoenix(): Promise<void> {
    const web = join(repository, "elixir_app", "amdgpu_web");
    const { child, match } = await startUntil("mix", ["run", "test/browser.exs"], { cwd: web, env: { ...this.env, MIX_ENV: "test" } }, /serves on port (\d+)[^]*load runs/, 170);
    this.load = child;
    this.port = Number(match[1]);
    child.stdout?.resume();
    child.stderr?.resume();
  }

  /** A recording in place of a load. */
  async startReplay(recording: string): Promise<void> {
    const { child } = await startUntil(program("amdgpu"), ["replay", recording, "--loop"], { env: this.env }, /replaying/i, 20);
    this.replay = child;
  }

  async frame(): Promise<Record<string, unknown>> {
    return (await (await fetch(`${this.url}/api/v1/frame`)).json()) as Record<string, unknown>;
  }

  async stop(): Promise<void> {
    await this.stopGateway();
    await this.stopLoad();
    this.replay?.kill("SIGKILL");
    if (this.replay !== null) await ended(this.replay);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function launchBrowser(): Promise<Browser> {
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return puppeteer.launch({ executablePath: chromiumPath()!, headless: true, args: [...sandbox, "--force-color-profile=srgb"] });
}

/** A page whose complaints are kept. */
export async function openPage(browser: Browser, url: string, width: number, theme: "dark" | "light", height = 900): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warn") complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error instanceof Error ? error.message : String(error)}`));
  page.on("request", (request) => {
    const host = new URL(request.url()).host;
    if (host !== "" && host !== new URL(url).host) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  await page.goto(url);
  return { page, complaints };
}

/** What axe-core finds serious, in words. */
export async function barriers(page: Page): Promise<string[]> {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  return (await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] }).then((result) => result.violations.filter((one) => one.impact === "serious" || one.impact === "critical").map((one) => one.id + ": " + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + " " + (node.any[0]?.message ?? "")).join(" | ")))`)) as string[];
}

export async function untilState(page: Page, state: string, seconds = 20): Promise<void> {
  await page.waitForFunction((wanted: string) => document.documentElement.dataset["amdgpuState"] === wanted, { timeout: seconds * 1000 }, state);
}
