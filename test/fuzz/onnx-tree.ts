/** ONNX models as trees, and changes that only make sense for them. */
import { onnx } from '../../src/onnx/generated/onnx';
import { encodeModel, type ModelProto, toInt64 } from '../../src/onnx/proto';
import type { Dice } from './dice';
import {
  at,
  type Branch,
  copied,
  isBranch,
  mutate,
  ODD_NAMES,
  ODD_NUMBERS,
  oddInteger,
  type Place,
  placesIn,
  put,
  remove,
  type Tree,
} from './tree';
import { operatorNames } from './words';

export function modelTree(bytes: Uint8Array): Branch {
  const tree = plain(onnx.ModelProto.decode(bytes));
  return isBranch(tree) ? tree : {};
}

/** Throws where a tree is no message any more. */
export const modelBytes = (tree: Branch): Uint8Array => encodeModel(wire(tree) as ModelProto);

const isLong = (value: object): value is { low: number; high: number; toString(): string } => 'low' in value && 'high' in value;

function plain(value: unknown): Tree {
  if (typeof value !== 'object' || value === null) return value as Tree;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(plain);
  if (isLong(value)) return BigInt(value.toString());
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

function wire(tree: Tree): unknown {
  if (typeof tree === 'bigint') return toInt64(BigInt.asIntN(64, tree));
  if (typeof tree !== 'object' || tree === null || tree instanceof Uint8Array) return tree;
  if (Array.isArray(tree)) return tree.map(wire);
  const message: Record<string, unknown> = {};
  for (const key of Object.keys(tree)) if (key !== '__proto__') message[key] = wire(tree[key]);
  return message;
}

const list = (tree: Tree, key: string): Branch[] => {
  const items = isBranch(tree) ? tree[key] : undefined;
  return Array.isArray(items) ? items.filter(isBranch) : [];
};
const listAt = (tree: Branch, key: string): Tree[] => {
  const items = tree[key];
  if (Array.isArray(items)) return items;
  const made: Tree[] = [];
  put({ holder: tree, key, depth: 0 }, made);
  return made;
};

/** Every graph of a model: the main one, those within nodes, bodies of functions. */
function graphsOf(model: Branch): Branch[] {
  const graphs = placesIn(model)
    .map(at)
    .filter(isBranch)
    .filter((tree) => Array.isArray(tree.node));
  return graphs.length > 0 ? graphs : [];
}

const namesOf = (graph: Branch): string[] => [
  ...['input', 'initializer'].flatMap((key) => list(graph, key).map(({ name }) => String(name ?? ''))),
  ...list(graph, 'node').flatMap(({ output }) => (Array.isArray(output) ? output.map(String) : [])),
];

type Change = (model: Branch, dice: Dice, other: () => Branch) => void;

const changeNode =
  (change: (node: Branch, graph: Branch, dice: Dice) => void): Change =>
  (model, dice) => {
    const graphs = graphsOf(model).filter((graph) => list(graph, 'node').length > 0);
    if (graphs.length === 0) return;
    const graph = dice.pick(graphs);
    change(dice.pick(list(graph, 'node')), graph, dice);
  };

const TYPES = Array.from({ length: 28 }, (_, at) => at);
const ATTRIBUTE_FIELDS = ['f', 'i', 's', 't', 'g', 'floats', 'ints', 'strings', 'tensors', 'graphs'];

const oddDims = (dice: Dice, now: number): Tree[] =>
  Array.from({ length: dice.chance(0.5) ? now : dice.below(7) }, () => BigInt(dice.chance(0.7) ? dice.below(9) : dice.pick(ODD_NUMBERS)));

const changes: readonly Change[] = [
  // Operators.
  changeNode((node, _, dice) => {
    node.op_type = dice.chance(0.9) ? dice.pick(operatorNames) : dice.pick(ODD_NAMES);
  }),
  changeNode((node, _, dice) => {
    node.domain = dice.pick(['', 'ai.onnx', 'com.microsoft', 'ai.onnx.ml', 'local', '__proto__']);
  }),
  // Edges.
  changeNode((node, graph, dice) => {
    const inputs = listAt(node, 'input');
    const name = dice.chance(0.9) ? dice.pick([...namesOf(graph), '']) : dice.pick(ODD_NAMES);
    if (dice.chance(0.2)) inputs.push(name);
    else inputs[dice.below(inputs.length)] = name;
  }),
  changeNode((node, _, dice) => {
    const ports = listAt(node, dice.pick(['input', 'output']));
    if (dice.chance(0.5)) ports.pop();
    else ports.splice(dice.below(ports.length + 1), 0, dice.chance(0.5) ? '' : `extra${dice.below(3)}`);
  }),
  changeNode((node, graph, dice) => {
    const nodes = listAt(graph, 'node');
    const where = nodes.indexOf(node);
    const [taken] = nodes.splice(where, 1);
    if (dice.chance(0.5)) nodes.splice(dice.below(nodes.length + 1), 0, taken);
  }),
  // A node bypassed.
  changeNode((node, graph, dice) => {
    const nodes = listAt(graph, 'node');
    nodes.splice(nodes.indexOf(node), 1);
    const [from] = listAt(node, 'output');
    const to = dice.pick([...listAt(node, 'input'), '']);
    for (const reader of list(graph, 'node')) reader.input = listAt(reader, 'input').map((name) => (name === from ? to : name));
  }),
  // A node put in.
  changeNode((node, graph, dice) => {
    const nodes = listAt(graph, 'node');
    const inputs = listAt(node, 'input');
    const slot = dice.below(Math.max(1, inputs.length));
    const made = `made${dice.below(1e6)}`;
    const others = Array.from({ length: dice.below(3) }, () => dice.pick([...namesOf(graph), '']));
    nodes.splice(nodes.indexOf(node), 0, {
      op_type: dice.pick(operatorNames),
      input: [inputs[slot] ?? '', ...others],
      output: [made],
      name: made,
      attribute: [],
    });
    inputs[slot] = made;
  }),
  // Attributes.
  changeNode((node, _, dice) => {
    const attributes = listAt(node, 'attribute');
    const place = dice.below(attributes.length);
    if (dice.chance(0.3)) attributes.splice(place, 1);
    else if (dice.chance(0.2)) attributes.push(copied(attributes[place] ?? {}));
    else {
      const name = dice.pick([
        'axis',
        'axes',
        'kernel_shape',
        'pads',
        'strides',
        'dilations',
        'group',
        'auto_pad',
        'perm',
        'keepdims',
        'to',
        'mode',
        'ceil_mode',
        'epsilon',
        'value',
        'alpha',
        'transA',
        'equation',
        'blocksize',
        'num_outputs',
        'body',
        ...ODD_NAMES,
      ]);
      const kind = 1 + dice.below(10);
      attributes.push({
        name,
        type: kind,
        i: BigInt(oddInteger(dice, 1)),
        f: dice.pick([Number.NaN, 0.5, -1, 1e30]),
        s: Buffer.from(
          dice.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET', 'linear', 'nearest', 'reflect', 'edge', 'wrap', ...ODD_NAMES]),
        ),
        ints: oddDims(dice, dice.below(5)),
        floats: [1, Number.NaN],
      });
    }
  }),
  changeNode((node, _, dice) => {
    const attributes = list(node, 'attribute');
    if (attributes.length === 0) return;
    const attribute = dice.pick(attributes);
    const way = dice.below(10);
    if (way < 3) attribute.type = dice.below(16);
    else if (way < 5) attribute.name = dice.pick(ODD_NAMES);
    else if (Array.isArray(attribute.ints) && attribute.ints.length > 0) {
      if (dice.chance(0.3)) attribute.ints = oddDims(dice, attribute.ints.length);
      else attribute.ints[dice.below(attribute.ints.length)] = BigInt(oddInteger(dice, 1));
    } else if (attribute.i !== undefined) attribute.i = BigInt(oddInteger(dice, Number(attribute.i)));
    else remove({ holder: attribute, key: dice.pick(ATTRIBUTE_FIELDS), depth: 0 });
  }),
  // Tensors.
  (model, dice) => {
    const tensors = placesIn(model)
      .map(at)
      .filter(isBranch)
      .filter((tree) => 'data_type' in tree);
    if (tensors.length === 0) return;
    const tensor = dice.pick(tensors);
    const dims = listAt(tensor, 'dims');
    const width = (tensor.raw_data instanceof Uint8Array ? tensor.raw_data.length : 0) || 4;
    switch (dice.below(7)) {
      case 0:
        tensor.dims = oddDims(dice, dims.length);
        return;
      case 1:
        tensor.data_type = dice.pick(TYPES);
        return;
      case 2:
        if (dims.length > 0) dims[dice.below(dims.length)] = BigInt(oddInteger(dice, 1));
        return;
      case 3:
        tensor.data_location = dice.below(3);
        tensor.external_data = ['location', 'offset', 'length', 'checksum'].flatMap((key) =>
          dice.chance(0.7)
            ? [
                {
                  key,
                  value: dice.chance(0.6)
                    ? dice.pick(['weights.bin', '0', '16', String(width)])
                    : dice.pick([...ODD_NAMES, ...ODD_NUMBERS.map(String)]),
                },
              ]
            : [],
        );
        return;
      case 4:
        if (dice.chance(0.5)) remove({ holder: tensor, key: 'raw_data', depth: 0 });
        put(
          { holder: tensor, key: dice.pick(['float_data', 'double_data']), depth: 0 },
          Array.from({ length: dice.below(9) }, (_, index) => index),
        );
        return;
      case 5:
        put(
          { holder: tensor, key: dice.pick(['int32_data', 'int64_data', 'uint64_data']), depth: 0 },
          Array.from({ length: dice.below(9) }, (_, index) => index),
        );
        return;
      default:
        // The same numbers in another shape.
        dims.reverse();
    }
  },
  // Types of inputs, outputs and values between.
  (model, dice) => {
    const infos = graphsOf(model).flatMap((graph) => ['input', 'output', 'value_info'].flatMap((key) => list(graph, key)));
    if (infos.length === 0) return;
    const { type } = dice.pick(infos);
    const tensor = isBranch(type) ? type.tensor_type : undefined;
    if (!isBranch(tensor)) return;
    const dims = list(tensor.shape, 'dim');
    if (dice.chance(0.2)) tensor.elem_type = dice.pick(TYPES);
    else if (dice.chance(0.1)) remove({ holder: tensor, key: 'shape', depth: 0 });
    else if (dims.length > 0) {
      const dim = dice.pick(dims);
      for (const key of Object.keys(dim)) remove({ holder: dim, key, depth: 0 });
      if (dice.chance(0.6)) dim.dim_value = BigInt(dice.chance(0.6) ? dice.below(20) : dice.pick(ODD_NUMBERS));
      else if (dice.chance(0.8)) dim.dim_param = dice.pick(['N', 'H', 'W', 'N + 1', 'H * 2', '2 * (H - 3)', 'floor(H / 0)', ...ODD_NAMES]);
    }
  },
  // Versions.
  (model, dice) => {
    const [opset] = list(model, 'opset_import');
    if (dice.chance(0.4) || !opset) model.ir_version = BigInt(dice.pick([1, 2, 3, 4, 7, 8, 10, 13, ...ODD_NUMBERS]));
    else if (dice.chance(0.8)) opset.version = BigInt(dice.chance(0.8) ? 1 + dice.below(27) : dice.pick(ODD_NUMBERS));
    else opset.domain = dice.pick(['', 'ai.onnx', 'com.microsoft', ...ODD_NAMES]);
  },
  // Functions, some of which call themselves.
  (model, dice) => {
    const [graph] = graphsOf(model);
    if (!graph) return;
    const name = dice.pick(['local_function', ...operatorNames, ...ODD_NAMES]);
    const nodes = list(graph, 'node');
    if (nodes.length === 0) return;
    const body = nodes.slice(dice.below(nodes.length)).slice(0, 4).map(copied).filter(isBranch);
    listAt(model, 'functions').push({
      name,
      domain: 'local',
      input: body[0]?.input ?? [],
      output: body.at(-1)?.output ?? [],
      attribute: dice.chance(0.3) ? ['axis', dice.pick(ODD_NAMES)] : [],
      node: body,
      opset_import: copied(model.opset_import),
    });
    const caller = dice.pick([...nodes, ...body]);
    caller.op_type = name;
    caller.domain = 'local';
    if (!dice.chance(0.2)) listAt(model, 'opset_import').push({ domain: 'local', version: 1n });
  },
  // What the program itself writes into metadata, and reads back.
  (model, dice) => {
    const key = dice.pick([
      'window',
      'stride',
      'field',
      'moves',
      'density',
      'contract',
      'meaning',
      'head',
      'labels',
      'preprocessing',
      'origins',
      'version',
      'sizes',
    ]);
    const value = dice.pick([
      '',
      '{}',
      '[]',
      'null',
      '1',
      '"x"',
      'window',
      'cell',
      'original',
      '{"X":[8,8]}',
      '{"X":[0,-1]}',
      '{"X":null}',
      '{"__proto__":[1]}',
      '["a","b"]',
      `${'['.repeat(9000)}`,
      ...ODD_NAMES,
    ]);
    listAt(model, 'metadata_props').push({ key: `convolutionize.${key}`, value });
  },
  // A branch or loop around a part of the graph.
  changeNode((node, graph, dice) => {
    const body: Branch = {
      name: 'branch',
      node: [copied(node)],
      output: listAt(node, 'output').map((name) => ({ name })),
      input: [],
      initializer: [],
    };
    node.op_type = dice.pick(['If', 'Loop', 'Scan', 'SequenceMap']);
    node.input = dice.chance(0.7) ? [dice.pick([...namesOf(graph), ''])] : [];
    node.attribute = ['then_branch', 'else_branch', 'body'].map((name) => ({ name, type: 5, g: copied(body) }));
  }),
  // Sparse weights, and notes on quantisation.
  (model, dice) => {
    const [graph] = graphsOf(model);
    const [tensor] = list(graph, 'initializer');
    if (!graph || !tensor) return;
    if (dice.chance(0.3))
      listAt(graph, 'quantization_annotation').push({
        tensor_name: dice.pick(namesOf(graph)),
        quant_parameter_tensor_names: [{ key: 'SCALE_TENSOR', value: dice.pick([...namesOf(graph), 'none']) }],
      });
    else {
      const { name } = tensor;
      if (dice.chance(0.7)) listAt(graph, 'initializer').shift();
      listAt(graph, 'sparse_initializer').push({
        values: { name, data_type: 1, dims: [2n], float_data: [1, 2] },
        indices: {
          name: 'at',
          data_type: 7,
          dims: dice.chance(0.6) ? [2n] : oddDims(dice, 2),
          int64_data: [0n, BigInt(oddInteger(dice, 1))],
        },
        dims: dice.chance(0.6) ? copied(tensor.dims) : oddDims(dice, 4),
      });
    }
  },
  // Names.
  (model, dice) => {
    const names = placesIn(model).filter(
      ({ key }) => key === 'name' || key === 'dim_param' || key === 'doc_string' || key === 'producer_name',
    );
    if (names.length > 0) put(dice.pick(names), dice.pick(ODD_NAMES));
  },
  // A value under another name everywhere.
  (model, dice) => {
    const [graph] = graphsOf(model);
    const names = graph ? namesOf(graph) : [];
    if (names.length === 0) return;
    const [from, to] = [dice.pick(names), dice.pick(ODD_NAMES)];
    const isName = (place: Place): boolean => at(place) === from && (place.key === 'name' || Array.isArray(place.holder));
    for (const place of placesIn(model).filter(isName)) put(place, to);
  },
  // Parts of other models.
  (model, dice, other) => {
    const [graph] = graphsOf(model);
    const [donor] = graphsOf(other());
    if (!graph || !donor) return;
    const key = dice.pick(['node', 'initializer', 'input', 'output', 'value_info']);
    const parts = list(donor, key);
    if (parts.length === 0) return;
    const items = listAt(graph, key);
    items.splice(dice.below(items.length + 1), 0, copied(dice.pick(parts)));
  },
];

const ALIKE: readonly (readonly string[])[] = [
  [
    'Relu',
    'Sigmoid',
    'Tanh',
    'Identity',
    'Neg',
    'Abs',
    'Exp',
    'HardSigmoid',
    'Elu',
    'Softplus',
    'Erf',
    'Floor',
    'Softmax',
    'LogSoftmax',
    'GlobalAveragePool',
    'GlobalMaxPool',
    'Flatten',
    'Shape',
    'Transpose',
    'Mish',
    'Gelu',
    'Hardmax',
  ],
  ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow', 'Concat', 'MatMul', 'PRelu', 'Where', 'Gemm'],
  ['MaxPool', 'AveragePool', 'LpPool', 'Conv'],
  ['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceL2', 'ArgMax', 'Squeeze', 'Unsqueeze', 'Reshape', 'Expand', 'Tile'],
];

/** Changes after which a model is often sound still: the compiler has to do its work on what comes of them. */
const gentle: readonly Change[] = [
  changeNode((node, _, dice) => {
    const [family] = ALIKE.filter((names) => names.includes(String(node.op_type)));
    node.op_type = dice.pick(family ?? ALIKE[0] ?? []);
  }),
  changeNode((node, _, dice) => {
    const attributes = list(node, 'attribute').filter(({ ints, i }) => (Array.isArray(ints) && ints.length > 0) || i !== undefined);
    if (attributes.length === 0) return;
    const attribute = dice.pick(attributes);
    if (Array.isArray(attribute.ints) && attribute.ints.length > 0) {
      const where = dice.below(attribute.ints.length);
      attribute.ints[where] = BigInt(dice.chance(0.5) ? Number(attribute.ints[where]) + dice.pick([-1, 1]) : dice.below(4));
    } else attribute.i = BigInt(dice.pick([-1, 0, 1, 2, 3]));
  }),
  // An activation put in.
  changeNode((node, graph, dice) => {
    const nodes = listAt(graph, 'node');
    const inputs = listAt(node, 'input');
    if (inputs[0] === undefined) return;
    const made = `made${dice.below(1e6)}`;
    nodes.splice(nodes.indexOf(node), 0, {
      op_type: dice.pick(ALIKE[0] ?? []),
      input: [inputs[0]],
      output: [made],
      name: made,
      attribute: [],
    });
    inputs[0] = made;
  }),
  // A sum of two values.
  changeNode((node, graph, dice) => {
    const nodes = listAt(graph, 'node');
    const inputs = listAt(node, 'input');
    const made = `made${dice.below(1e6)}`;
    const before = nodes
      .slice(0, nodes.indexOf(node))
      .filter(isBranch)
      .flatMap((each) => listAt(each, 'output'));
    if (before.length === 0 || inputs[0] === undefined) return;
    nodes.splice(nodes.indexOf(node), 0, {
      op_type: dice.pick(['Add', 'Mul', 'Concat']),
      input: [inputs[0], dice.pick(before)],
      output: [made],
      name: made,
      attribute: [{ name: 'axis', type: 2, i: 1n }],
    });
    inputs[0] = made;
  }),
  (model, dice) => {
    const [graph] = graphsOf(model);
    const dims = list(graph, 'input').flatMap(({ type }) =>
      isBranch(type) && isBranch(type.tensor_type) ? list(type.tensor_type.shape, 'dim') : [],
    );
    if (dims.length === 0) return;
    const dim = dice.pick(dims);
    for (const key of Object.keys(dim)) remove({ holder: dim, key, depth: 0 });
    if (dice.chance(0.7)) dim.dim_value = BigInt(1 + dice.below(20));
    else dim.dim_param = dice.pick(['N', 'H', 'W']);
  },
  (model, dice) => {
    const [opset] = list(model, 'opset_import');
    if (opset) opset.version = BigInt(7 + dice.below(20));
  },
  // Another value as output as well.
  (model, dice) => {
    const [graph] = graphsOf(model);
    const made = list(graph, 'node').flatMap((node) => listAt(node, 'output'));
    if (graph && made.length > 0) listAt(graph, 'output').push({ name: dice.pick(made), type: { tensor_type: { elem_type: 1 } } });
  },
];

/** Changes a model in one way. `other` gives another one, to take parts from. */
export function mutateModel(model: Branch, dice: Dice, other: () => Branch): void {
  if (dice.chance(0.5)) dice.pick(gentle)(model, dice, other);
  else if (dice.chance(0.2)) mutate(model, dice, operatorNames, true);
  else dice.pick(changes)(model, dice, other);
}
