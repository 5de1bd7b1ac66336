// The npm `phoenix` client, in Node, really subscribed to a real gateway beside a real load.
import { fromBinary } from "@bufbuild/protobuf";
import { type Channel, Socket } from "phoenix";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Frame, FrameSchema } from "../../gen/telemetry_pb";
import { System } from "./system";

const system = new System();
const sockets: Socket[] = [];

function connect(): Socket {
  // The client asks its transport for an origin-less URL; ws speaks the same API as a browser's WebSocket.
  const socket = new Socket(`ws://localhost:${system.port}/socket`, { transport: WebSocket as unknown as new (endpoint: string) => object });
  socket.connect();
  sockets.push(socket);
  return socket;
}

function join(socket: Socket, payload: object): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const channel = socket.channel("gpu:telemetry", payload);
    channel
      .join()
      .receive("ok", () => resolve(channel))
      .receive("error", (reason) => {
        channel.leave();
        reject(new Error(JSON.stringify(reason)));
      });
  });
}

const decode = (payload: ArrayBuffer): Frame => fromBinary(FrameSchema, new Uint8Array(payload));
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the phoenix client", () => {
  beforeAll(async () => {
    await system.startLoad();
    await system.startGateway();
    // The gateway has attached when it has a frame.
    for (let i = 0; i < 100 && (await fetch(`${system.url}/readyz`)).status !== 200; i++) await wait(100);
  });
  afterAll(async () => {
    for (const socket of sockets) socket.disconnect();
    await system.stop();
  });

  it("gets binary frames, in order, none twice, that say what the machine does", async () => {
    const channel = await join(connect(), { rate: 60 });
    const frames: Frame[] = [];
    channel.on("telemetry_update", (payload: ArrayBuffer) => void frames.push(decode(payload)));
    await wait(2500);
    channel.leave();
    expect(frames.length).toBeGreaterThan(40);
    expect(frames.length).toBeLessThan(170);
    for (let i = 1; i < frames.length; i++) expect(frames[i]!.sequence > frames[i - 1]!.sequence).toBe(true);
    const last = frames.at(-1)!;
    expect(last.devices[0]!.kind).toBe("host");
    expect(last.runtime!.pid).toBeGreaterThan(0);
    const names = new Set(frames.flatMap((frame) => frame.kernels.map((kernel) => kernel.name)));
    for (const name of ["matmul", "saxpy", "spikes", "show<script>"]) expect(names).toContain(name);
    expect(frames.some((frame) => frame.launches.length > 0)).toBe(true);
    const map = frames.find((frame) => (frame.devices[0]?.pool?.blocks.length ?? 0) > 0);
    expect(map?.devices[0]?.pool?.regions.length).toBeGreaterThan(0);
    await wait(100);
    const before = frames.length;
    await wait(300);
    expect(frames.length).toBe(before);
  });

  it("gets as many as it asks for", async () => {
    const channel = await join(connect(), { rate: 10 });
    let frames = 0;
    channel.on("telemetry_update", () => void frames++);
    await wait(3000);
    channel.leave();
    expect(frames).toBeGreaterThan(15);
    expect(frames).toBeLessThanOrEqual(34);
  });

  it("gets JSON if it likes, and is told of launches", async () => {
    const channel = await join(connect(), { rate: 30, encoding: "json", topics: ["kernels"] });
    const launched: { count: number; launches: { kernel: string }[] }[] = [];
    channel.on("kernel_launched", (payload) => void launched.push(payload as (typeof launched)[0]));
    const frame = await new Promise<{ sequence: string; devices: { values?: unknown[] }[] }>((resolve) => channel.on("telemetry_update", resolve));
    expect(Number(frame.sequence)).toBeGreaterThan(0);
    expect(frame.devices[0]!.values ?? []).toEqual([]);
    for (let i = 0; i < 40 && launched.length === 0; i++) await wait(100);
    channel.leave();
    expect(launched[0]!.count).toBeGreaterThan(0);
    expect(launched[0]!.launches[0]!.kernel).not.toBe("");
  });

  it("is refused with a reason", async () => {
    await expect(join(connect(), { rate: -1 })).rejects.toThrow(/rate/);
    await expect(join(connect(), { encoding: "morse" })).rejects.toThrow(/encoding/);
  });

  it("finds the gateway again after it was gone", async () => {
    const socket = new Socket(`ws://localhost:${system.port}/socket`, { transport: WebSocket as unknown as new (endpoint: string) => object, reconnectAfterMs: () => 100, rejoinAfterMs: () => 100 });
    socket.connect();
    sockets.push(socket);
    const channel = await join(socket, { rate: 30 });
    let frames = 0;
    channel.on("telemetry_update", () => void frames++);
    await wait(500);
    expect(frames).toBeGreaterThan(0);
    const { port } = system;
    await system.stopGateway();
    await wait(300);
    frames = 0;
    await system.startGateway(port);
    for (let i = 0; i < 100 && frames === 0; i++) await wait(100);
    expect(frames).toBeGreaterThan(0);
  });
});
