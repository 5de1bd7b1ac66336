// Where the blocks of a pool lie on a map of rows: pure arithmetic, tested without a screen.

export interface MapBlock {
  readonly offset: number;
  readonly bytes: number;
}

export interface MapRegion {
  readonly offset: number;
  readonly bytes: number;
}

export interface Piece {
  /** Index of the block. */
  readonly block: number;
  readonly row: number;
  /** From 0 to 1 of a row's width. */
  readonly from: number;
  readonly to: number;
}

/**
 * Regions are put one behind the other, however far apart their addresses are, and cut into rows of the same number of bytes. A
 * block that goes over a row's end has a piece in each. Blocks outside every region are left out.
 */
export function layout(regions: readonly MapRegion[], blocks: readonly MapBlock[], rows: number): { pieces: Piece[]; total: number; perRow: number } {
  const sorted = [...regions].sort((a, b) => a.offset - b.offset);
  const starts: number[] = [];
  let total = 0;
  for (const region of sorted) {
    starts.push(total);
    total += region.bytes;
  }
  const pieces: Piece[] = [];
  if (total === 0 || rows < 1) return { pieces, total, perRow: 0 };
  const perRow = total / rows;
  blocks.forEach((block, index) => {
    // Blocks may span regions that touch: each region takes its part.
    for (let r = 0; r < sorted.length; r++) {
      const region = sorted[r]!;
      const from = Math.max(block.offset, region.offset);
      const to = Math.min(block.offset + block.bytes, region.offset + region.bytes);
      if (to <= from) continue;
      let begin = starts[r]! + from - region.offset;
      const end = starts[r]! + to - region.offset;
      while (begin < end) {
        const row = Math.min(rows - 1, Math.floor(begin / perRow + 1e-12));
        const rowEnd = row === rows - 1 ? total : (row + 1) * perRow;
        const stop = Math.min(end, rowEnd);
        pieces.push({ block: index, row, from: (begin - row * perRow) / perRow, to: (stop - row * perRow) / perRow });
        if (stop <= begin) break;
        begin = stop;
      }
    }
  });
  return { pieces, total, perRow };
}
