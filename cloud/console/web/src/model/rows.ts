// Which rows of a long list are on screen: all rows have one height, so that ten thousand cost
// no more than the twenty that can be seen.

export interface Rows { first: number; last: number } // last is exclusive

// spare is how many rows beyond each edge are drawn, so that scrolling meets no gap.
const spare = 4;

export function rowsShown(count: number, row: number, top: number, room: number): Rows {
  if (count === 0 || row <= 0) return { first: 0, last: 0 };
  const first = Math.min(Math.max(0, Math.floor(top / row) - spare), Math.max(0, count - 1));
  const last = Math.min(count, Math.ceil((top + room) / row) + spare);
  return { first, last: Math.max(last, first + 1) };
}

// scrolledTo gives where a list must be scrolled to for a row to be whole on screen.
export function scrolledTo(index: number, row: number, top: number, room: number): number {
  const above = index * row;
  if (above < top) return above;
  return above + row > top + room ? Math.max(0, above + row - room) : top;
}
