import { join } from 'node:path';
import { closeModel, readModelFile } from '../../src/files';
import { AFTER, BEFORE, beside } from '../../src/graph-view/beside';
import { buildView } from '../../src/graph-view/build';
import { dotOf } from '../../src/graph-view/dot';
import { edgesByLevel, OUTSIDE, openGroups, ViewIndex, visible } from '../../src/graph-view/fold';
import { groupByScope } from '../../src/graph-view/groups';
import { layoutView } from '../../src/graph-view/layout';
import { pageOf } from '../../src/graph-view/page';
import { inRows } from '../../src/graph-view/rows';
import { linksOf } from '../../src/graph-view/runs';
import { scopesOf } from '../../src/graph-view/scopes';
import { svgOf, xml } from '../../src/graph-view/svg';
import type { GraphView } from '../../src/graph-view/view';
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import { parseModel } from '../../src/onnx/text/parser';
import { drawnAs } from '../../src/reports/drawing';
import { codeOf } from '../support/code-of';

const HEADER = '<ir_version: 10, opset_import: ["" : 21]>';
function parsed(text: string): Model {
  const model = parseModel(`${HEADER} ${text}`);
  inferShapes(model);
  return model;
}

/** Two blocks of two layers, a skip past the second. */
const BLOCKS = parsed(`g (float[1, 2, 5, 6] X) => (float[1, 2, 5, 6] Y)
  <float[2, 2, 3, 3] "b.0.weight" = {${new Array(36).fill(1).join(', ')}}, float[2, 2, 1, 1] "c.0.weight" = {1, 2, 3, 4}> {
    ["/b/b.0/Conv"] A = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, "b.0.weight")
    ["/b/b.1/Relu"] B = Relu (A)
    ["/c/c.0/Conv"] C = Conv <kernel_shape = [1, 1]> (B, "c.0.weight")
    ["/c/c.1/Relu"] D = Relu (C)
    ["/Add"] Y = Add (B, D)
  }`);
const blocks = (): ViewIndex => new ViewIndex(buildView(BLOCKS, { title: 'blocks' }));

describe('scopes', () => {
  const scopes = (model: Model): Record<string, string> =>
    Object.fromEntries([...scopesOf(model.graph)].map(([node, scope]) => [node.name, scope.join(' ')]));

  test('are read from names', () => {
    expect(scopes(BLOCKS)).toEqual({
      '/b/b.0/Conv': 'b b.0',
      '/b/b.1/Relu': 'b b.1',
      '/c/c.0/Conv': 'c c.0',
      '/c/c.1/Relu': 'c c.1',
      '/Add': '',
    });
  });

  test("are read from dynamo's metadata, whatever the name says", () => {
    const model = parsed('g (float[2] X) => (float[2] Y) { [node_relu] Y = Relu (X) }');
    const [node] = model.graph.nodes;
    const extras = { node: { metadata_props: [{ key: 'pkg.torch.onnx.name_scopes', value: "['', 'layer1', 'layer1.0', 'relu']" }] } };
    const told = { ...node, extras } as NonNullable<typeof node>;
    expect([...scopesOf({ nodes: [told] } as unknown as Model['graph']).values()]).toEqual([['layer1', 'layer1.0']]);
  });

  test('are taken from weights, and from neighbours, where nodes say nothing', () => {
    const model = parsed(`g (float[1, 2, 4, 4] X) => (float[1, 2, 4, 4] Y)
      <float[2, 2, 1, 1] "f.0.weight" = {1, 2, 3, 4}, float[2, 2, 1, 1] "f.3.weight" = {1, 2, 3, 4}> {
        [n1] A = Conv <kernel_shape = [1, 1]> (X, "f.0.weight") [n2] B = Relu (A) [n3] Y = Conv <kernel_shape = [1, 1]> (B, "f.3.weight") }`);
    expect(scopes(model)).toEqual({ n1: 'f f.0', n2: 'f', n3: 'f f.3' });
  });
});

describe('groups', () => {
  test('a scope of one member is not a group', () => {
    const { groups, parents } = groupByScope([
      { id: 'a', scope: ['f', 'f.0'] },
      { id: 'b', scope: ['f', 'f.1'] },
      { id: 'c', scope: ['g', 'g.0', 'deep'] },
    ]);
    expect(groups).toEqual([{ id: 'g:f', parent: undefined, label: 'f' }]);
    expect(Object.fromEntries(parents)).toEqual({ 'g:f': undefined, a: 'g:f', b: 'g:f', c: undefined });
  });

  /** A chain: each item reads the one before. */
  const chain = (...scopes: readonly (readonly string[])[]) => {
    const items = scopes.map((scope, at) => ({ id: `n${at}`, scope, kind: scope.at(-1) ?? '' }));
    return groupByScope(
      items,
      items.slice(1).map(({ id }, at) => ({ from: `n${at}`, to: id })),
    );
  };

  test('a module that is called again and again is a box per call', () => {
    const { groups, parents } = chain(['b', 'conv1'], ['b', 'relu'], ['b', 'conv2'], ['b', 'relu'], ['b', 'conv3'], ['b', 'relu']);
    expect(groups).toEqual([{ id: 'g:b', parent: undefined, label: 'b' }]);
    expect([...parents.values()]).toEqual([undefined, ...new Array(6).fill('g:b')]);
  });

  test('a module of several nodes that is called twice is a group per call', () => {
    const { groups } = chain(['enc', 'a'], ['enc', 'b'], ['mid'], ['enc', 'a'], ['enc', 'b']);
    expect(groups.map(({ id, label }) => [id, label])).toEqual([
      ['g:enc@1', 'enc (1 of 2)'],
      ['g:enc@2', 'enc (2 of 2)'],
    ]);
    // Side by side, there is no circle; they are two calls all the same.
    const items = ['a', 'b', 'a', 'b'].map((kind, at) => ({ id: `n${at}`, scope: ['enc'], kind }));
    const apart = groupByScope(items, [
      { from: 'n0', to: 'n1' },
      { from: 'n2', to: 'n3' },
    ]);
    expect(apart.groups.map(({ label }) => label)).toEqual(['enc (1 of 2)', 'enc (2 of 2)']);
  });

  test('groups that are interlaced are taken apart until there is no circle', () => {
    // f0 -> g0, g1 -> f1: each has no way out and back by itself, both together are a circle.
    const items = ['f', 'g', 'g', 'f'].map((name, at) => ({ id: `n${at}`, scope: [name], kind: `k${at}` }));
    const edges = [
      { from: 'n0', to: 'n1' },
      { from: 'n2', to: 'n3' },
    ];
    expect(groupByScope(items, edges).groups).toEqual([]);
  });

  test.each(['tv-resnet50.dynamo', 'tv-googlenet.dynamo', 'timm-hrnet_w18_small.dynamo', 'timm-hgnetv2_b0.script'])(
    'no level of %s has an edge that runs upwards',
    (name) => {
      const model = readModelFile(join(__dirname, `../../fixtures/zoo/${name}.onnx`), { onMissing: () => undefined });
      inferShapes(model);
      const index = new ViewIndex(buildView(model, { title: name }));
      for (const [level, edges] of edgesByLevel(index)) {
        const inner = edges.filter(({ from, to }) => from !== OUTSIDE && to !== OUTSIDE);
        const members = index.membersOf(level);
        const { order } = linksOf(members, inner);
        const place = new Map(order.map((id, at) => [id, at]));
        expect(inner.filter(({ from, to }) => (place.get(from) ?? 0) >= (place.get(to) ?? 0))).toEqual([]);
      }
      closeModel(model);
    },
  );

  test('very many members are cut into stretches', () => {
    const { groups, parents } = groupByScope(Array.from({ length: 5000 }, (_, at) => ({ id: `n${at}`, scope: [] })));
    const counts = new Map<string | undefined, number>();
    for (const parent of parents.values()) counts.set(parent, (counts.get(parent) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(90);
    expect(groups.map(({ label }) => label)).toContain('part 1 of 3');
  });

  /** From a group outwards, until nothing is around it; a circle would never end. */
  const isAround = (parents: ReadonlyMap<string, string | undefined>, id: string): boolean => {
    const seen = new Set<string>();
    for (let at: string | undefined = id; at !== undefined; at = parents.get(at)) {
      if (seen.has(at)) return false;
      seen.add(at);
    }
    return true;
  };

  test.each([[], ['f'], ['f', 'f.0']])('stretches of stretches within %j lie in no circle', (...scope) => {
    const { groups, parents } = groupByScope(Array.from({ length: 9000 }, (_, at) => ({ id: `n${at}`, scope, kind: `${at}` })));
    expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length);
    expect(groups.every(({ id }) => isAround(parents, id))).toBe(true);
  });

  test('a scope that has the name of a stretch is a group of its own', () => {
    const items = Array.from({ length: 200 }, (_, at) => ({
      id: `n${at}`,
      scope: at < 100 ? ['f'] : [`f#${Math.floor(at / 10) - 9}`],
      kind: `${at}`,
    }));
    const { groups, parents } = groupByScope(items);
    expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length);
    expect(groups.every(({ id }) => isAround(parents, id))).toBe(true);
  });

  test('very many inputs and outputs lie in groups', () => {
    const names = Array.from({ length: 5000 }, (_, at) => `Y${at}`);
    const view = buildView(
      parsed(
        `g (float[1, 2] X) => (${names.map((name) => `float[1, 2] ${name}`).join(', ')}) { ${names.map((name) => `${name} = Relu (X)`).join('\n')} }`,
      ),
      { title: 'many' },
    );
    expect(view.groups.map(({ label }) => label)).toContain('5000 outputs');
    expect(new ViewIndex(view).membersOf(undefined).length).toBeLessThan(100);
  });
});

describe('what is to be seen', () => {
  test('a drawing of very many boxes is refused, not waited for; as DOT it is written', () => {
    const boxes = Array.from({ length: 6000 }, (_, at): GraphView['boxes'][number] => ({
      id: `n:${at}`,
      parent: undefined,
      label: 'Relu',
      kind: 'node',
      family: 'activation',
      lines: [],
      details: [],
      words: '',
      parameters: 0,
    }));
    const index = new ViewIndex({ title: 'wide', facts: [], boxes, groups: [], edges: [] });
    for (const format of ['svg', 'html', 'png'] as const) expect(codeOf(() => drawnAs(format, index, new Set()))).toBe('DRAWING_TOO_LARGE');
    expect(drawnAs('dot', index, new Set()).length).toBeGreaterThan(6000);
  });

  test('levels open from the outside, as far as is asked for', () => {
    const index = blocks();
    expect([...openGroups(index, 0)]).toEqual([]);
    expect([...openGroups(index, 'auto')].sort()).toEqual(['g:b', 'g:c']);
    expect(visible(index, new Set(), 'n:/b/b.1/Relu')).toBe('g:b');
    expect(visible(index, new Set(['g:b']), 'n:/b/b.1/Relu')).toBe('n:/b/b.1/Relu');
  });

  test('a box tells its weights, shape, attributes and costs', () => {
    const conv = blocks().view.boxes.find(({ id }) => id === 'n:/b/b.0/Conv');
    expect(conv?.lines).toEqual(['pad 1', 'W 2×2×3×3', '→ [1, 2, 5, 6]']);
    expect(Object.fromEntries(conv?.details ?? [])).toMatchObject({
      pads: '[1, 1, 1, 1]',
      scope: 'b / b.0',
      parameters: '36',
      'multiply-adds': '1,080',
      'receptive field': 'rows 3 every 1 from -1; columns 3 every 1 from -1',
    });
  });

  test('inputs and outputs keep the shapes of the file, beside the size at which the graph is drawn', () => {
    const { boxes } = buildView(BLOCKS, { title: 'blocks', declared: new Map([['X', '[1, 2, height, width]']]) });
    const lines = (id: string) => boxes.find((box) => box.id === id)?.lines;
    expect(lines('input:X')).toEqual(['[1, 2, height, width]', 'drawn at [1, 2, 5, 6]']);
    expect(lines('output:Y')).toEqual(['[1, 2, 5, 6]']);
  });
});

/** Layers one after the other, in three groups, with one skip inside the second. */
const LONG = parsed(`g (float[1, 2, 5, 6] X) => (float[1, 2, 5, 6] Y) {
    ${Array.from({ length: 20 }, (_, at) => `["/a/a.${at}/Relu"] A${at} = Relu (${at === 0 ? 'X' : `A${at - 1}`})`).join('\n')}
    ["/b/b.0/Relu"] B = Relu (A19) ["/b/b.1/Relu"] C = Relu (B) ["/b/b.2/Add"] D = Add (B, C)
    ["/c/c.0/Relu"] E = Relu (D) ["/c/c.1/Relu"] F = Relu (E) ["/c/c.2/Relu"] G = Relu (F) Y = Sigmoid (G)
  }`);

describe('layout', () => {
  test.each([
    ['closed', 0, 'down', 1],
    ['open', Number.POSITIVE_INFINITY, 'down', 1],
    ['closed', 0, 'right', 1],
    ['open', Number.POSITIVE_INFINITY, 'right', 1],
    ['open, in rows,', Number.POSITIVE_INFINITY, 'right', 2],
  ] as const)('boxes of %s groups neither overlap nor leave their group: depth %d, %s', (_, depth, direction, models) => {
    const index = models === 1 ? blocks() : new ViewIndex(buildView(LONG, { title: 'long' }));
    const plain = layoutView(index, openGroups(index, depth), direction);
    const { placed, width, height, wires } = models === 1 ? plain : inRows(index, plain);
    if (models === 2) expect(width).toBeLessThan(plain.width / 1.2);
    const solid = placed.filter(({ kind }) => kind !== 'open');
    for (const a of solid) {
      expect(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height).toBe(true);
      for (const b of solid)
        if (a !== b) expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true);
    }
    for (const group of placed.filter(({ kind }) => kind === 'open'))
      for (const inner of placed.filter(({ id }) => id !== group.id && index.pathOf(id).includes(group.id))) {
        expect(inner.x).toBeGreaterThanOrEqual(group.x);
        expect(inner.x + inner.width).toBeLessThanOrEqual(group.x + group.width);
        expect(inner.y).toBeGreaterThanOrEqual(group.y);
        expect(inner.y + inner.height).toBeLessThanOrEqual(group.y + group.height);
      }
    expect(wires.every(({ points }) => points.length >= 2)).toBe(true);
    for (const { points } of wires) for (const { x, y } of points) expect(x >= 0 && y >= 0 && x <= width + 1 && y <= height + 1).toBe(true);
  });

  test('two models stand side by side, their beginnings in line', () => {
    const view = buildView(BLOCKS, {
      title: 'blocks',
      mark: (node) => ({ status: node.op === 'Add' ? 'rewritten' : 'unchanged', details: [] }),
    });
    const index = new ViewIndex(beside('a → b', view, view, [['n:/Add', 'n:/Add']]));
    const { placed } = layoutView(index, new Set([BEFORE, AFTER]));
    const [before, after] = [BEFORE, AFTER].map((id) => placed.find((part) => part.id === id));
    expect(before?.y).toBe(after?.y);
    expect((before?.x ?? 0) + (before?.width ?? 0)).toBeLessThan(after?.x ?? 0);
    expect(index.boxes.get('a:n:/Add')?.twin).toBe('b:n:/Add');
    const svg = svgOf(index, layoutView(index, new Set([BEFORE, AFTER])));
    expect(svg).toContain('class="key" x="27" y="11">rewritten<');
    expect(svg).not.toContain('>removed<');
  });

  test('a chain of 3,000 nodes in one scope is drawn', () => {
    const lines = Array.from({ length: 3000 }, (_, at) => `V${at} = Relu (${at === 0 ? 'X' : `V${at - 1}`})`);
    const index = new ViewIndex(buildView(parsed(`g (float[2] X) => (float[2] V2999) { ${lines.join('\n')} }`), { title: 'chain' }));
    expect(layoutView(index, openGroups(index, 'auto')).placed.length).toBeLessThan(100);
    expect(layoutView(index, openGroups(index, Number.POSITIVE_INFINITY)).placed.length).toBeGreaterThan(3000);
  });
});

/** Whether a text is well-formed XML, as far as tags, quotes and references go; returns what is wrong. */
function complaint(text: string): string | undefined {
  const open: string[] = [];
  const rest = text.replace(/^<\?xml [^?]*\?>\n/, '').replace(/<style>([^<]*)<\/style>/, '');
  const tokens = rest.match(/<[^<>]*>|[^<>]+|[<>]/g) ?? [];
  for (const token of tokens) {
    const tag = /^<(\/?)([\w:]+)((?: [\w:-]+="[^"<]*")*)\s*(\/?)>$/.exec(token);
    if (!token.startsWith('<')) {
      if (token === '>' || /&(?!#\d+;)/.test(token)) return `text '${token}'`;
    } else if (!tag) return `tag ${token}`;
    else if (tag[1]) {
      if (open.pop() !== tag[2]) return `closing ${token}`;
    } else if (!tag[4]) open.push(tag[2] ?? '');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what this is about
    if (/&(?!#\d+;)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(token)) return `character in ${token}`;
  }
  return open.length > 0 ? `open: ${open.join(' ')}` : undefined;
}

describe('names of any characters', () => {
  const EVIL = [
    '<script>alert(1)</script>',
    ']]>',
    '&amp;"\'',
    'a\u0001b\u001b[31m',
    '\ud800 half',
    '--> <!--',
    '汉字 🙂',
    '"; } evil [label="',
  ];
  const model = parsed('g (float[2] X) => (float[2] Y) { Y = Relu (X) }');
  const graph = model.clone().graph;
  for (const name of EVIL) {
    const node = graph.addNode({
      op: 'Relu',
      inputs: [graph.inputs[0]],
      outputs: [name],
      name: `/${name}/x`,
      outputTypes: [{ dtype: 'float', shape: [name] }],
    });
    graph.setOutputs([...graph.outputs, ...node.outputs]);
  }
  const evil = model.clone();
  Object.assign(evil, { graph });
  const index = new ViewIndex(buildView(evil, { title: EVIL.join(' ') }));

  test('stand escaped in SVG', () => {
    const svg = svgOf(index, layoutView(index, openGroups(index, 'auto')));
    expect(complaint(svg)).toBeUndefined();
    expect(svg).not.toContain('<script');
    expect(svg).toContain('汉字 🙂');
    expect(complaint('<a b="1"><c></a>')).toBeDefined();
    expect(complaint('<a>&amp;</a>')).toBeDefined();
    expect(xml('a\u0001\ud800b')).toBe('a\ufffd\ufffdb');
  });

  test('end no script of the page', () => {
    const page = pageOf(index.view, new Set(), 'const x = "</script>";');
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    const [, data = ''] = /<script type="application\/json" id="graph">(.*?)<\/script>/s.exec(page) ?? [];
    expect(JSON.parse(data).view).toEqual(JSON.parse(JSON.stringify(index.view)));
  });

  test('stand in quotes in DOT', () => {
    const dot = dotOf(index, new Set());
    // What is left without its strings is the grammar alone.
    const grammar = dot.replace(/"(?:[^"\\]|\\.)*"/gs, 'S');
    expect(grammar).not.toMatch(/evil|script|label="/);
    expect(grammar.split('\n').filter((line) => line.includes('->')).length).toBe(2 + 2 * EVIL.length);
  });
});

test('DOT draws open groups as clusters', () => {
  const dot = dotOf(blocks(), new Set(['g:b']));
  expect(dot).toContain('subgraph "cluster_g:b" {');
  expect(dot).toContain('"n:/b/b.1/Relu" -> "g:c"');
  expect(dot).toContain('label="+ c\\\\n2 nodes, 4 parameters"'.replace('\\\\n', '\\n'));
});
