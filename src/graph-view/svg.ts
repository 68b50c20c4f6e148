/** Layout -> SVG: valid XML whatever names the model uses; details appear on hover. */
import { xmlCharacters } from '../diagnostics/hidden';
import { AFTER, BEFORE } from './beside';
import type { ViewIndex } from './fold';
import { faceOf, HEADER, type Layout, type Placed, type Point, type Wire } from './layout';
import { type GraphView, STATUS_TEXT, type Status } from './view';

/** Text in XML: special characters are escaped, and characters that XML does not allow (control characters, lone surrogates) are replaced. */
export const xml = (text: string): string => xmlCharacters(text, '\t\n').replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** Colours as variables, so that a page can have a dark theme. */
export const PALETTE = `
--paper:#ffffff;--ink:#1d2330;--faint:#5b6475;--line:#9aa3b2;--box:#f4f6f9;--edge:#c5ccd8;--group:#8b95a708;--rim:#b4bccb;
--conv:#dbe7fb;--linear:#dde3ff;--activation:#fbe3dc;--pool:#dcf1e1;--norm:#efe2f8;--view:#eceef1;--arithmetic:#fdf1d3;--port:#d9eef3;--other:#f4f6f9;
--added:#1a8f47;--rewritten:#c27a06;--moved:#4a72c4;--removed:#c9302c;`;
export const DARK_PALETTE = `
--paper:#171a21;--ink:#e6e9ef;--faint:#a3acba;--line:#6d7787;--box:#242934;--edge:#3d4555;--group:#ffffff08;--rim:#4b5465;
--conv:#22365a;--linear:#2b2f63;--activation:#56332b;--pool:#21452f;--norm:#40305a;--view:#2b303a;--arithmetic:#4d4020;--port:#1f444e;--other:#242934;
--added:#4cc77a;--rewritten:#e6a53a;--moved:#86a8ee;--removed:#ef6b67;`;

export const SVG_STYLE = `
text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--faint);text-anchor:middle}
.label{font:600 12px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
.key{text-anchor:start}
.box>rect{fill:var(--box);stroke:var(--edge)}
.open>rect{fill:var(--group);stroke:var(--rim)}
.open>.label{text-anchor:start;fill:var(--faint)}
.closed>rect{fill:var(--box);stroke:var(--rim);stroke-dasharray:4 3}
${['conv', 'linear', 'activation', 'pool', 'norm', 'view', 'arithmetic', 'port', 'other'].map((family) => `.${family}>rect{fill:var(--${family})}`).join('')}
.wire{fill:none;stroke:var(--line);stroke-width:1.2}
.head{fill:var(--line)}
${['added', 'rewritten', 'moved', 'removed'].map((status) => `.${status}>rect{stroke:var(--${status});stroke-width:2.5}`).join('')}
.removed>rect{stroke-dasharray:5 3}
.unchanged>rect{opacity:.55}`;

/** Statuses that occur in a view, in the order of the legend; none unless it is a comparison. */
export function statusesOf({ boxes }: GraphView): (keyof typeof STATUS_TEXT)[] {
  const found = new Set(boxes.map(({ status }) => status));
  return [...STATUSES].filter((status) => found.has(status));
}
const STATUSES = ['rewritten', 'added', 'removed', 'moved'] as const;

const LEGEND = 34;
/** Legend below the drawing: a box in the colour of each status, with its meaning. */
function legend(view: GraphView, y: number): string {
  let x = 14;
  const parts = statusesOf(view).map((status) => {
    const at = x;
    x += 46 + STATUS_TEXT[status].length * 7;
    return `<g class="box ${status}" transform="translate(${at} ${y + 8})"><rect width="20" height="14" rx="3"/><text class="key" x="27" y="11">${xml(STATUS_TEXT[status])}</text></g>`;
  });
  return parts.join('');
}
const legendWidth = (view: GraphView): number => statusesOf(view).reduce((sum, status) => sum + 46 + STATUS_TEXT[status].length * 7, 14);

export interface SvgOptions {
  /** Omits the XML prologue, styles and background: for a page that has its own. */
  readonly bare?: boolean;
}

export function svgOf(index: ViewIndex, layout: Layout, { bare = false }: SvgOptions = {}): string {
  const isComparison = !bare && statusesOf(index.view).length > 0;
  const width = Math.ceil(Math.max(layout.width, isComparison ? legendWidth(index.view) : 0));
  const height = Math.ceil(layout.height) + (isComparison ? LEGEND : 0);
  const open = layout.placed.filter(({ kind }) => kind === 'open');
  const others = layout.placed.filter(({ kind }) => kind !== 'open');
  const body = [
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
    ...open.map((placed) => openGroup(index, placed)),
    ...layout.wires.map(wire),
    ...others.map((placed) => box(index, placed)),
    ...(isComparison ? [legend(index.view, Math.ceil(layout.height))] : []),
  ];
  if (bare) return body.join('\n');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${xml(index.view.title)}</title>`,
    `<style>:root{${PALETTE}}${SVG_STYLE}</style>`,
    `<rect width="${width}" height="${height}" style="fill:var(--paper)"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function openGroup(index: ViewIndex, { id, x, y, width, height }: Placed): string {
  const label = index.groups.get(id)?.label ?? '';
  return `<g class="open${statusClass(index, id)}" data-id="${xml(id)}" transform="translate(${round(x)} ${round(y)})"><title>${xml(label)}</title><rect width="${round(width)}" height="${round(height)}" rx="8"/><text class="label" x="10" y="${HEADER - 8}">− ${xml(label)}</text></g>`;
}

function box(index: ViewIndex, { id, kind, x, y, width, height }: Placed): string {
  const own = index.boxes.get(id);
  const { label, lines } = faceOf(index, id);
  const middle = round(width / 2);
  const title = own ? own.details.map(([key, value]) => `${key}: ${value}`).join('\n') : groupTitle(index, id);
  const text = lines.map((line, at) => `<text x="${middle}" y="${34 + at * 15}">${xml(line)}</text>`).join('');
  return `<g class="${kind}${own ? ` ${own.family}` : ''}${statusClass(index, id)}" data-id="${xml(id)}" transform="translate(${round(x)} ${round(y)})"><title>${xml(title)}</title><rect width="${round(width)}" height="${round(height)}" rx="${own && own.kind !== 'node' ? 13 : 5}"/><text class="label" x="${middle}" y="18">${xml(label)}</text>${text}</g>`;
}

function groupTitle(index: ViewIndex, id: string): string {
  const counts = new Map<string, number>();
  for (const { label } of index.boxesIn(id)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [index.groups.get(id)?.label ?? '', ...[...counts].map(([label, count]) => `${count} ${label}`)].join('\n');
}

/** Order of severity: a group has the most severe status of its members. */
const GRAVITY: readonly Status[] = ['removed', 'added', 'rewritten', 'moved', 'unchanged'];
function statusClass(index: ViewIndex, id: string): string {
  // With two models side by side, the group of a whole model has no status.
  if (id === BEFORE || id === AFTER) return '';
  const found = new Set(index.boxesIn(id).map(({ status }) => status));
  const status = GRAVITY.find((candidate) => found.has(candidate));
  return status === undefined || (status === 'unchanged' && index.groups.has(id)) ? '' : ` ${status}`;
}

/** A smooth line through the points. */
function wire({ points, ends, labels }: Wire): string {
  const at = ({ x, y }: Point): string => `${round(x)} ${round(y)}`;
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${at(first)}`;
  for (let i = 0; i < rest.length - 1; i++) {
    const [a, b] = [rest[i], rest[i + 1]];
    if (!a || !b) continue;
    path += i === rest.length - 2 ? `Q${at(a)} ${at(b)}` : `Q${at(a)} ${at({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })}`;
  }
  if (rest.length === 1 && rest[0]) path += `L${at(rest[0])}`;
  return `<path class="wire"${ends ? ' marker-end="url(#head)"' : ''} d="${path}"><title>${xml(labels.join('\n'))}</title></path>`;
}

const round = (value: number): string => String(Math.round(value * 10) / 10);
