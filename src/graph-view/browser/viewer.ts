/**
 * The program inside the page: draws the view that the page contains, opens and closes groups, pans, zooms, searches and shows details.
 * Layout and SVG are the same as on the command line.
 */
import { openGroups, ViewIndex, visible } from '../fold';
import { type Direction, type Layout, layoutView, type Placed } from '../layout';
import { linksOf } from '../runs';
import { svgOf } from '../svg';
import type { GraphView } from '../view';

const element = <T extends Element = HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as unknown as T;
};

const {
  view,
  open: first,
  direction = 'down',
}: { view: GraphView; open: string[]; direction?: Direction } = JSON.parse(element('graph').textContent ?? '');
const index = new ViewIndex(view);
const [stage, panel, search, count] = [element('stage'), element('panel'), element<HTMLInputElement>('search'), element('count')];
const [drawing, group] = [element<SVGSVGElement>('drawing'), element<SVGGElement>('view')];

let open = new Set(first);
let layout: Layout = { width: 0, height: 0, placed: [], wires: [] };
let places = new Map<string, Placed>();
/** Position and scale of the drawing on the stage. */
let [x, y, scale] = [0, 0, 1];
let selected: string | undefined;
let hits: string[] = [];
let hit = -1;

// ---- drawing ----

/** `keep`: the box or group that stays where it is on the screen. */
function draw(keep?: string): void {
  const before = keep === undefined ? undefined : places.get(keep);
  layout = layoutView(index, open, direction);
  places = new Map(layout.placed.map((placed) => [placed.id, placed]));
  group.innerHTML = svgOf(index, layout, { bare: true });
  const after = keep === undefined ? undefined : places.get(keep);
  if (before && after) move(x + (before.x + before.width / 2 - after.x - after.width / 2) * scale, y + (before.y - after.y) * scale);
  mark();
}

function mark(): void {
  const found = new Set(hits.map((id) => visible(index, open, id)));
  const shown = selected === undefined ? undefined : visible(index, open, selected);
  const other = selected === undefined ? undefined : index.boxes.get(selected)?.twin;
  const twin = other === undefined ? undefined : visible(index, open, other);
  for (const part of group.querySelectorAll<SVGGElement>('[data-id]')) {
    const id = part.dataset.id ?? '';
    part.classList.toggle('hit', found.has(id));
    part.classList.toggle('on', id === shown);
    part.classList.toggle('twin', id === twin);
  }
}

function move(toX: number, toY: number, toScale = scale): void {
  [x, y, scale] = [toX, toY, toScale];
  group.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
}

function zoom(factor: number, atX = stage.clientWidth / 2, atY = stage.clientHeight / 2): void {
  const next = Math.min(4, Math.max(0.02, scale * factor));
  move(atX - ((atX - x) * next) / scale, atY - ((atY - y) * next) / scale, next);
}

/** Scale below which text is unreadable. */
const READABLE = 0.6;

/** Shows the whole drawing if it stays readable, otherwise its full width, from the top. */
function showAll(): void {
  const { clientWidth, clientHeight } = stage;
  const whole = Math.min(clientWidth / layout.width, clientHeight / layout.height, 1.2);
  const next = whole > READABLE ? whole : Math.max(0.1, Math.min(clientWidth / layout.width, 1));
  move((clientWidth - layout.width * next) / 2, whole > READABLE ? (clientHeight - layout.height * next) / 2 : 0, next);
}

/** Shows the whole drawing, however small, as the button says. */
function fitAll(): void {
  const { clientWidth, clientHeight } = stage;
  const next = Math.min(clientWidth / layout.width, clientHeight / layout.height, 1.2);
  move((clientWidth - layout.width * next) / 2, (clientHeight - layout.height * next) / 2, next);
}

function show(id: string): void {
  const placed = places.get(visible(index, open, id));
  if (!placed) return;
  const next = Math.max(scale, 0.7);
  move(
    stage.clientWidth / 2 - (placed.x + placed.width / 2) * next,
    stage.clientHeight / 2 - (placed.y + Math.min(placed.height, 200) / 2) * next,
    next,
  );
}

function toggle(id: string): void {
  if (open.has(id)) open.delete(id);
  else open.add(id);
  draw(id);
}

/** Opens the groups around it. */
function reveal(id: string): void {
  for (const around of index.pathOf(id).slice(0, -1)) open.add(around);
}

// ---- panel ----

function node<K extends keyof HTMLElementTagNameMap>(tag: K, text = '', ...children: readonly Node[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (text !== '') made.textContent = text;
  made.append(...children);
  return made;
}

const list = (pairs: readonly (readonly [string, string])[]): HTMLElement =>
  node('dl', '', ...pairs.flatMap(([key, value]) => [node('dt', key), node('dd', value)]));

function select(id: string | undefined): void {
  selected = id;
  const box = id === undefined ? undefined : index.boxes.get(id);
  const about = id === undefined ? undefined : index.groups.get(id);
  if (box)
    panel.replaceChildren(
      node('h2', box.label),
      list([...(box.status ? [['in the conversion', box.status] as const] : []), ...box.details]),
    );
  else if (about && id !== undefined) {
    const inside = index.boxesIn(id);
    const kinds = new Map<string, number>();
    for (const { label } of inside) kinds.set(label, (kinds.get(label) ?? 0) + 1);
    panel.replaceChildren(
      node('h2', about.label),
      list([
        ['nodes', String(inside.length)],
        ['parameters', String(inside.reduce((sum, { parameters }) => sum + parameters, 0))],
        ...[...kinds].map(([label, number]): [string, string] => [label, String(number)]),
      ]),
    );
  } else
    panel.replaceChildren(
      node('h2', view.title),
      list(view.facts.filter(([, value]) => value !== '')),
      node('p', 'Click a group to open or close it, a node for its details. Drag to move, turn the wheel to zoom, type / to search.'),
    );
  mark();
}

// ---- search ----

function find(text: string): void {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  hits = words.length === 0 ? [] : view.boxes.filter((box) => words.every((word) => box.words.includes(word))).map(({ id }) => id);
  hit = -1;
  count.textContent = words.length === 0 ? '' : `${hits.length} found`;
  if (words.length === 0) {
    select(undefined);
    return;
  }
  const entries = hits.slice(0, 200).map((id, at) => {
    const box = index.boxes.get(id);
    const name = box?.details[0]?.[1] ?? '';
    const button = node('button', box?.kind === 'node' ? `${box.label}  ${name}` : name);
    button.title = name;
    button.addEventListener('click', () => go(at));
    return node('li', '', button);
  });
  panel.replaceChildren(node('h2', `${hits.length} found`), node('ul', '', ...entries));
  if (hits.length > entries.length) panel.append(node('p', `${hits.length - entries.length} more`));
  mark();
}

/** Goes to the hit with that number: opens the groups around it and shows it. */
function go(at: number): void {
  const id = hits[at];
  if (id === undefined) return;
  hit = at;
  reveal(id);
  selected = id;
  draw();
  show(id);
  const box = index.boxes.get(id);
  if (box) {
    panel.querySelector('#about')?.remove();
    const about = node('section', '', node('h2', box.label), list(box.details));
    about.id = 'about';
    panel.prepend(about);
    for (const [number, button] of [...panel.querySelectorAll('li button')].entries()) button.classList.toggle('on', number === at);
  }
  count.textContent = `${at + 1} of ${hits.length}`;
}

search.addEventListener('input', () => find(search.value));
search.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && hits.length > 0)
    go((hit + (event.shiftKey ? hits.length - 1 : 1) + (hit < 0 && event.shiftKey ? 1 : 0)) % hits.length);
  if (event.key === 'Escape') {
    search.value = '';
    find('');
    search.blur();
  }
});

// ---- changes ----

/** Boxes that changed, in order from the image on; with two models side by side, those removed from the first and all other changes in the second. */
const changes: readonly string[] = linksOf(
  view.boxes.map(({ id }) => id),
  view.edges,
).order.filter((id) => {
  const { status, twin } = index.boxes.get(id) ?? {};
  return status !== undefined && status !== 'unchanged' && (twin === undefined || !id.startsWith('a:'));
});
let change = -1;

/** Goes to the change with that number: opens the groups around it, shows it and its details. */
function goToChange(at: number): void {
  const id = changes[at];
  if (id === undefined) return;
  change = at;
  reveal(id);
  const twin = index.boxes.get(id)?.twin;
  if (twin !== undefined) reveal(twin);
  draw();
  select(id);
  show(id);
  element('change').textContent = `${at + 1} of ${changes.length}`;
}
const step = (by: number): void => goToChange((change + by + changes.length) % changes.length);

// ---- mouse, touch and keyboard ----

let drag: { readonly x: number; readonly y: number; moved: boolean } | undefined;
const fingers = new Map<number, PointerEvent>();
stage.addEventListener('pointerdown', (event) => {
  fingers.set(event.pointerId, event);
  drag = { x: event.clientX - x, y: event.clientY - y, moved: false };
});
window.addEventListener('pointermove', (event) => {
  const last = fingers.get(event.pointerId);
  if (!last || !drag) return;
  const [other] = [...fingers.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
  if (other) {
    const distance = (to: PointerEvent): number => Math.hypot(to.clientX - other.clientX, to.clientY - other.clientY);
    const { left, top } = stage.getBoundingClientRect();
    zoom(
      distance(event) / Math.max(1, distance(last)),
      (event.clientX + other.clientX) / 2 - left,
      (event.clientY + other.clientY) / 2 - top,
    );
    drag.moved = true;
  } else if (drag.moved || Math.hypot(event.clientX - x - drag.x, event.clientY - y - drag.y) > 3) {
    drag.moved = true;
    stage.classList.add('drag');
    move(event.clientX - drag.x, event.clientY - drag.y);
  }
  fingers.set(event.pointerId, event);
});
for (const end of ['pointerup', 'pointercancel'] as const)
  window.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    stage.classList.remove('drag');
  });
stage.addEventListener('click', (event) => {
  if (drag?.moved) return;
  const part = event.target instanceof Element ? event.target.closest<SVGGElement>('[data-id]') : null;
  const id = part?.dataset.id;
  if (id !== undefined && index.groups.has(id)) toggle(id);
  select(id);
});
stage.addEventListener(
  'wheel',
  (event) => {
    event.preventDefault();
    const { left, top } = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0018)), event.clientX - left, event.clientY - top);
  },
  { passive: false },
);
window.addEventListener('keydown', (event) => {
  if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') {
    event.preventDefault();
    search.focus();
  } else if (event.key === 'n' && changes.length > 0) step(1);
  else if (event.key === 'p' && changes.length > 0) step(-1);
  else if (event.key === '0') fitAll();
  else if (event.key === '+' || event.key === '=') zoom(1.25);
  else if (event.key === '-') zoom(0.8);
});
const press = (id: string, action: () => void): void => element(id).addEventListener('click', action);
press('fit', fitAll);
press('in', () => zoom(1.25));
press('out', () => zoom(0.8));
press('expand', () => {
  open = openGroups(index, Number.POSITIVE_INFINITY);
  draw();
  showAll();
});
press('collapse', () => {
  open = new Set();
  draw();
  showAll();
});
press('theme', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
});
drawing.addEventListener('dragstart', (event) => event.preventDefault());

draw();
showAll();
select(undefined);
if (changes.length > 0) {
  press('next', () => step(1));
  press('previous', () => step(-1));
  goToChange(0);
}
