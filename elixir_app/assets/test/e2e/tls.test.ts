// The gateway with a certificate: HTTP, the channel and the page over TLS, and what it refuses.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { Socket } from "phoenix";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { gatewayPath, System } from "./system";

const system = new System();
const folder = mkdtempSync(join(tmpdir(), "amdgpu-tls-"));
const certificate = join(folder, "chain.pem");
const key = join(folder, "key.pem");
let authority: string;

function fetchSecure(path: string): Promise<{ status: number; body: string; policy: string }> {
  return new Promise((resolve, reject) => {
    get({ host: "localhost", port: system.port, path, ca: authority, headers: { origin: `https://localhost:${system.port}` } }, (answer) => {
      let body = "";
      answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body, policy: String(answer.headers["content-security-policy"] ?? "") }));
    }).on("error", reject);
  });
}

function handshake(options: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ host: "localhost", port: system.port, ca: authority, ...options }, () => {
      resolve(socket.getProtocol() ?? "");
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the gateway over TLS", () => {
  beforeAll(async () => {
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], { stdio: "ignore" });
    authority = execFileSync("cat", [certificate]).toString();
    await system.startLoad();
    await system.startGateway(0, ["--tls-certificate", certificate, "--tls-key", key, "--handshake-timeout", "1"]);
    for (let i = 0; i < 100 && (await fetchSecure("/readyz")).status !== 200; i++) await wait(100);
  });
  afterAll(async () => {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("serves pages and data", async () => {
    const page = await fetchSecure("/");
    expect(page.status).toBe(200);
    expect(page.policy).toContain("default-src 'self'");
    const script = await fetchSecure("/dashboard.js");
    expect(script.body.length).toBeGreaterThan(100_000);
    expect((await fetchSecure("/metrics")).body).toContain("gpu_kernel_launches_total");
  });

  it("carries the channel, in order and without gaps that would show it stalls", async () => {
    class Trusting extends WebSocket {
      constructor(endpoint: string) {
        super(endpoint, { ca: authority });
      }
    }
    const socket = new Socket(`wss://localhost:${system.port}/socket`, { transport: Trusting });
    socket.connect();
    const channel = socket.channel("gpu:telemetry", { rate: 60, encoding: "json" });
    const sequences: number[] = [];
    channel.on("telemetry_update", (frame: { sequence: string }) => void sequences.push(Number(frame.sequence)));
    channel.join();
    for (let i = 0; i < 60 && sequences.length < 60; i++) await wait(100);
    socket.disconnect();
    expect(sequences.length).toBeGreaterThanOrEqual(60);
    for (let i = 1; i < sequences.length; i++) expect(sequences[i]!).toBeGreaterThan(sequences[i - 1]!);
  });

  it("speaks 1.3 and 1.2 and nothing older, and no plain text", async () => {
    expect(await handshake({})).toBe("TLSv1.3");
    expect(await handshake({ maxVersion: "TLSv1.2" })).toBe("TLSv1.2");
    await expect(handshake({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" })).rejects.toThrow();
    await expect(fetch(`http://localhost:${system.port}/healthz`)).rejects.toThrow();
    expect((await fetchSecure("/healthz")).status).toBe(200);
  });

  it("waits no longer for a greeting than for a request", async () => {
    const began = performance.now();
    const silent = connectPlain({ host: "localhost", port: system.port });
    await new Promise<void>((resolve) => silent.on("close", () => resolve()));
    expect(performance.now() - began).toBeGreaterThan(500);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("does not start with what is no certificate, or with another's key", () => {
    const nonsense = join(folder, "nonsense.pem");
    const other = join(folder, "other.pem");
    writeFileSync(nonsense, "nothing");
    execFileSync("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", other], { stdio: "ignore" });
    const start = (...args: string[]) => spawnSync(gatewayPath(), ["--port", "0", ...args], { timeout: 10_000 });
    for (const [chain, secret, why] of [[nonsense, key, "certificate"], [certificate, nonsense, "key"], [certificate, other, "key"]] as const) {
      const run = start("--tls-certificate", chain, "--tls-key", secret);
      expect(run.status).toBe(2);
      expect(run.stderr.toString()).toContain(why);
    }
    expect(start("--tls-certificate", certificate).status).toBe(2);
  });
});
