import { describe, expect, it } from "vitest";
import { layout } from "../../src/view/memory_layout";

describe("the memory map", () => {
  it("puts a block where it lies, cut at the ends of rows", () => {
    const { pieces, perRow, total } = layout([{ offset: 1000, bytes: 400 }], [{ offset: 1050, bytes: 100 }], 4);
    expect([total, perRow]).toEqual([400, 100]);
    expect(pieces).toEqual([
      { block: 0, row: 0, from: 0.5, to: 1 },
      { block: 0, row: 1, from: 0, to: 0.5 },
    ]);
  });

  it("regions far apart lie side by side", () => {
    const { pieces } = layout(
      [
        { offset: 2 ** 38, bytes: 100 },
        { offset: 0, bytes: 100 },
      ],
      [
        { offset: 2 ** 38, bytes: 50 },
        { offset: 90, bytes: 10 },
      ],
      2,
    );
    expect(pieces).toEqual([
      { block: 0, row: 1, from: 0, to: 0.5 },
      { block: 1, row: 0, from: 0.9, to: 1 },
    ]);
  });

  it("a block over two regions that touch is whole; one outside of all is left out", () => {
    const regions = [
      { offset: 0, bytes: 100 },
      { offset: 100, bytes: 100 },
    ];
    const { pieces } = layout(regions, [{ offset: 50, bytes: 100 }, { offset: 500, bytes: 10 }], 1);
    expect(pieces.every((piece) => piece.block === 0)).toBe(true);
    expect(pieces.reduce((sum, piece) => sum + piece.to - piece.from, 0)).toBeCloseTo(0.5);
  });

  it("covers as much as the blocks do, whatever they are", () => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    for (let round = 0; round < 50; round++) {
      const regions = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) => ({ offset: i * 10_000, bytes: 256 * (1 + Math.floor(random() * 30)) }));
      const blocks = regions.flatMap((region) => {
        const made = [];
        for (let at = 0; at + 256 <= region.bytes; at += 512) made.push({ offset: region.offset + at, bytes: 256 });
        return made;
      });
      const { pieces, perRow } = layout(regions, blocks, 7);
      const covered = pieces.reduce((sum, piece) => sum + (piece.to - piece.from) * perRow, 0);
      expect(covered).toBeCloseTo(blocks.length * 256, 3);
      for (const piece of pieces) {
        expect(piece.from).toBeGreaterThanOrEqual(0);
        expect(piece.to).toBeLessThanOrEqual(1 + 1e-9);
        expect(piece.row).toBeLessThan(7);
      }
    }
  });

  it("nothing reserved is nothing drawn", () => {
    expect(layout([], [{ offset: 0, bytes: 10 }], 5)).toEqual({ pieces: [], total: 0, perRow: 0 });
  });
});
