/** Aligned columns of text. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Maximum width of a cell. All rows are as wide as the widest one, and a single node of a hostile model can read thousands of others. */
const WIDEST = 200;

/** Lines without trailing blanks: a header (if any column has a title), then the rows, with two blanks between columns. */
export function table(columns: readonly Column[], all: readonly (readonly string[])[], indent = ''): string[] {
  const rows = all.map((row) => row.map((cell) => cut(cell, WIDEST)));
  const widths = columns.map((column, at) => rows.reduce((widest, row) => Math.max(widest, width(row[at] ?? '')), width(column.title)));
  const line = (cells: readonly string[]): string =>
    (
      indent +
      columns
        .map((column, at) => {
          const cell = cells[at] ?? '';
          const blanks = ' '.repeat((widths[at] ?? 0) - width(cell));
          return column.align === 'right' ? blanks + cell : cell + blanks;
        })
        .join('  ')
    ).trimEnd();
  const titles = columns.some((column) => column.title !== '') ? [line(columns.map((column) => column.title))] : [];
  return [...titles, ...rows.map(line)];
}

/** 61,100,840: digits grouped in threes, independent of the locale. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Formats a count as 0.71 G, 61.1 M or 420. */
export function rounded(value: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  }
  return String(value);
}

/** Formats a size as 244.4 MB. */
export function bytes(value: number): string {
  return value < 1000 ? `${value} bytes` : `${rounded(value)}B`;
}

/** Width in code points, which is close enough for names in models. */
export const width = (text: string): number => [...text].length;

/** Cuts the text to the given width; an ellipsis marks the cut. */
export const cut = (text: string, columns: number): string =>
  text.length <= columns || width(text) <= columns ? text : `${[...text.slice(0, 2 * columns)].slice(0, columns - 1).join('')}…`;
