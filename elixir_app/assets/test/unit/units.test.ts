import { describe, expect, it } from "vitest";
import { axisStep, axisText, axisTop, integer, NONE, shapeText, span, text } from "../../src/model/units";

describe("quantities in words", () => {
  it("has three digits and the unit that fits", () => {
    expect(text(0, "bytes")).toBe("0 B");
    expect(text(1023, "bytes")).toBe("1023 B");
    expect(text(1024, "bytes")).toBe("1.00 KiB");
    expect(text(1024 ** 3 * 12.34, "bytes")).toBe("12.3 GiB");
    expect(text(999.6e9, "bytes/s")).toBe("1.00 TB/s");
    expect(text(2.3e9, "hertz")).toBe("2.30 GHz");
    expect(text(1.5e12, "flops/s")).toBe("1.50 TFLOP/s");
    expect(text(0.5, "ratio")).toBe("50.0 %");
    expect(text(1, "ratio")).toBe("100 %");
    expect(text(61.25, "celsius")).toBe("61.3 °C");
  });

  it("writes durations from nanoseconds to seconds", () => {
    expect(text(512, "ns")).toBe("512 ns");
    expect(text(999.7, "ns")).toBe("1.00 µs");
    expect(text(134_000, "ns")).toBe("134 µs");
    expect(text(2_500_000, "ns")).toBe("2.50 ms");
    expect(text(3e9, "ns")).toBe("3.00 s");
  });

  it("never writes what is absent as a number", () => {
    for (const nothing of [NaN, null, undefined, Infinity]) {
      for (const unit of ["bytes", "watts", "ratio", "ns", "count", "celsius"] as const) expect(text(nothing, unit)).toBe(NONE);
    }
  });

  it("writes spans and large counts", () => {
    expect(span(59.9)).toBe("59 s");
    expect(span(3 * 86400 + 4 * 3600)).toBe("3 d 4 h");
    expect(span(-1)).toBe("0 s");
    expect(integer(1234567)).toBe("1\u202f234\u202f567");
    expect(shapeText([4, 1, 1])).toBe("4");
    expect(shapeText([4, 2, 1])).toBe("4 × 2");
    expect(shapeText([4, 2, 8])).toBe("4 × 2 × 8");
    expect(shapeText([])).toBe("0");
  });
});

describe("axes", () => {
  it("marks are short", () => {
    expect(axisText(0, "bytes")).toBe("0");
    expect(axisText(64 * 2 ** 20, "bytes")).toBe("64 MiB");
    expect(axisText(1.5e9, "bytes/s")).toBe("1.5 G");
    expect(axisText(10e9, "flops/s")).toBe("10 G");
    expect(axisText(200, "count/s")).toBe("200");
    expect(axisText(0.5, "ratio")).toBe("50 %");
    expect(axisText(100, "watts")).toBe("100 W");
  });

  it("steps are round in the unit's own base", () => {
    expect(axisStep(1, 4, "ratio")).toBeCloseTo(0.25);
    expect(axisStep(100, 3, "watts")).toBe(50);
    expect(axisStep(3 * 1024 ** 3, 3, "bytes")).toBe(1024 ** 3);
    for (const unit of ["bytes", "watts"] as const) {
      for (let range = 1e-3; range < 1e15; range *= 1.7) {
        const step = axisStep(range, 4, unit);
        expect(range / step).toBeLessThanOrEqual(4.0001);
        expect(range / step).toBeGreaterThan(0.9);
      }
    }
  });

  it("the top holds the peak, and does not flutter", () => {
    let top = 0;
    const tops = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      const peak = 70 + 5 * Math.sin(i);
      top = axisTop(peak, top, "watts", 10);
      expect(top).toBeGreaterThanOrEqual(peak);
      tops.add(top);
    }
    expect(tops.size).toBeLessThanOrEqual(2);
    expect(axisTop(5, 1000, "watts", 10)).toBeLessThan(20);
    expect(axisTop(1, 0, "ratio", 1)).toBe(1);
    expect(axisTop(1.4, 1, "ratio", 1)).toBeGreaterThanOrEqual(1.4);
  });
});
