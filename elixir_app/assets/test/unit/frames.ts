// Frames as a runtime would send them, for the tests.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Absence, type Frame, FrameSchema, Metric } from "../../gen/telemetry_pb";

export const SECOND = 1_000_000_000n;
const BOOT = 5000n * SECOND;

/** Fields as `create` takes them. */
export type Fields = Exclude<MessageInitShape<typeof FrameSchema>, Frame>;

/** The frame number `n` of a runtime with 60 frames a second. */
export function frameAt(n: number, more: Fields = {}): Fields {
  const time = BOOT + (BigInt(n) * SECOND) / 60n;
  return {
    sequence: BigInt(n),
    timeNs: time,
    unixNs: 1_700_000_000n * SECOND + (BigInt(n) * SECOND) / 60n,
    intervalNs: SECOND / 60n,
    runtime: { pid: 42, hostname: "box", startedNs: BOOT - 100n * SECOND },
    pipeline: { rateHz: 60 },
    devices: [
      {
        device: 1,
        kind: "host",
        name: "a machine",
        worker: { pid: 77, startedNs: time - 90n * SECOND },
        values: [
          { metric: Metric.UTILIZATION_RATIO, value: 0.5 },
          { metric: Metric.POWER_WATTS, absence: Absence.FORBIDDEN, value: 0 },
          { metric: Metric.TEMPERATURE_CELSIUS, label: "edge", value: 61 },
        ],
        pool: { reservedBytes: 1024n, usedBytes: 512n },
        sampler: { rateHz: 60, sampleNs: time - 1_000_000n },
      },
    ],
    ...more,
  };
}

export function encode(frame: Fields): Uint8Array {
  return toBinary(FrameSchema, create(FrameSchema, frame));
}
