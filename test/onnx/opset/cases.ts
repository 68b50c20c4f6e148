/**
 * Graphs in old spellings, as exporters of their time wrote them. Each says in which opsets it is legal (every one of those that ONNX Runtime
 * loads is run), and what of it cannot be said in the newest.
 */
export interface Case {
  readonly title: string;
  /** Opsets in which the text is legal and means the same. */
  readonly opsets: readonly number[];
  readonly body: string;
  /** Where ONNX Runtime has another kernel for the newer version: largest difference as a share of the largest number. Default: none, bit for bit. */
  readonly tolerance?: number;
  /** The node that has no newer spelling: written for its own opset only. */
  readonly pinned?: string;
  /** What comes back means the same, but is not the old spelling. */
  readonly rewritten?: boolean;
  /** The newest opset for which ONNX Runtime 1.30 has a kernel. */
  readonly until?: number;
  /** Opsets in between that cannot say it: the next one is taken. */
  readonly skips?: readonly number[];
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

export const cases: readonly Case[] = [
  // ---- softmax family ----
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op): Case[] => [
    { title: `${op} of a matrix`, opsets: [7, 9, 11, 12], body: `g (float[2, 5] x) => (float[2, 5] y) { y = ${op} (x) }` },
    {
      title: `${op} over channels and pixels`,
      opsets: [7, 12],
      body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) { y = ${op} (x) }`,
    },
    { title: `${op} from axis 2`, opsets: [7, 11], body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) { y = ${op} <axis = 2> (x) }` },
    { title: `${op} over everything`, opsets: [7, 11], body: `g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = ${op} <axis = 0> (x) }` },
    {
      title: `${op} along the last axis`,
      opsets: [7, 11],
      body: `g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = ${op} <axis = 2> (x) }`,
    },
    { title: `${op} along axis -1`, opsets: [9, 11, 12], body: `g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = ${op} <axis = -1> (x) }` },
    { title: `${op} from axis -2`, opsets: [11, 12], body: `g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = ${op} <axis = -2> (x) }` },
    {
      title: `${op} of pooled channels`,
      opsets: [7, 12],
      body: `g (float[2, 5, 1, 1] x) => (float[2, 5, 1, 1] y) { y = ${op} <axis = 1> (x) }`,
    },
    {
      title: `${op} of unknown rank`,
      opsets: [7, 12],
      body: `g (float[2, 3, 4] x) => (float[] y) <int64[3] s = {4, 3, 2}> { c = Identity (s) r = Reshape (x, c) y = ${op} (r) }`,
    },
    {
      title: `${op} along one of several axes`,
      opsets: [13, 17],
      body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) { y = ${op} <axis = 1> (x) }`,
    },
    { title: `${op} along the default axis`, opsets: [13, 17], body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) { y = ${op} (x) }` },
  ]),

  // ---- normalisation ----
  {
    title: 'BatchNormalization at rest',
    opsets: [7, 9, 13, 14, 15],
    body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) <float[3] s = {1, 0.5, 2}, float[3] b = {0, 1, -1}, float[3] m = {0.1, 0.2, 0.3}, float[3] v = {1, 2, 0.5}>
      { y = BatchNormalization <epsilon = 0.001> (x, s, b, m, v) }`,
  },
  {
    title: 'BatchNormalization that says it is spatial',
    opsets: [7, 8],
    body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) <float[3] s = {1, 0.5, 2}, float[3] b = {0, 1, -1}, float[3] m = {0.1, 0.2, 0.3}, float[3] v = {1, 2, 0.5}>
      { y = BatchNormalization <spatial = 1, momentum = 0.95> (x, s, b, m, v) }`,
  },
  {
    title: 'non-spatial BatchNormalization',
    opsets: [7, 8],
    body: `g (float[2, 3, 1, 2] x) => (float[2, 3, 1, 2] y)
      <float[3, 1, 2] s = {1, 0.5, 2, 3, 4, 5}, float[3, 1, 2] b = {0, 1, -1, 2, 3, 4}, float[3, 1, 2] m = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, float[3, 1, 2] v = {1, 2, 0.5, 3, 0.25, 7}>
      { y = BatchNormalization <spatial = 0> (x, s, b, m, v) }`,
    rewritten: true,
  },
  {
    title: 'non-spatial BatchNormalization of a matrix',
    rewritten: true,
    opsets: [7, 8],
    body: `g (float[2, 3] x) => (float[2, 3] y) <float[3] s = {1, 0.5, 2}, float[3] b = {0, 1, -1}, float[3] m = {0.1, 0.2, 0.3}, float[3] v = {1, 2, 0.5}>
      { y = BatchNormalization <spatial = 0> (x, s, b, m, v) }`,
  },
  {
    title: 'BatchNormalization in training mode',
    opsets: [7, 9, 13],
    rewritten: true,
    tolerance: 1e-6,
    body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) <float[3] s = {1, 0.5, 2}, float[3] b = {0, 1, -1}, float[3] m = {0.1, 0.2, 0.3}, float[3] v = {1, 2, 0.5}>
      { y, rm, rv, sm, sv = BatchNormalization (x, s, b, m, v) }`,
  },
  {
    title: 'InstanceNormalization and LRN',
    opsets: [7, 12, 13],
    body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) <float[3] s = {1, 0.5, 2}, float[3] b = {0, 1, -1}>
      { n = InstanceNormalization <epsilon = 0.001> (x, s, b) y = LRN <size = 3, alpha = 0.1> (n) }`,
  },
  {
    title: 'GroupNormalization with a scale per group',
    opsets: [18, 20],
    body: `g (float[2, 4, 3, 3] x) => (float[2, 4, 3, 3] y) <float[2] s = {1, 2}, float[2] b = {0.5, -1}> { y = GroupNormalization <num_groups = 2> (x, s, b) }`,
  },
  {
    title: 'GroupNormalization with a scale per channel',
    opsets: [21, 22],
    body: `g (float[2, 4, 3, 3] x) => (float[2, 4, 3, 3] y) <float[4] s = {1, 2, 3, 4}, float[4] b = {0.5, -1, 0, 3}> { y = GroupNormalization <num_groups = 2> (x, s, b) }`,
  },
  {
    title: 'LayerNormalization',
    opsets: [17, 18, 22],
    body: `g (float[2, 3, 4] x) => (float[2, 3, 4] y) <float[4] s = {1, 2, 3, 4}> { y = LayerNormalization <axis = -1> (x, s) }`,
  },

  // ---- dropout ----
  { title: 'Dropout at rest', opsets: [7, 9, 10, 11], body: `g (float[2, 3] x) => (float[2, 3] y) { y = Dropout <ratio = 0.3> (x) }` },
  {
    title: 'Dropout with the default ratio',
    opsets: [7, 10, 12, 13, 22],
    body: `g (float[2, 3] x) => (float[2, 3] y) { y = Dropout (x) }`,
  },
  { title: 'Dropout with an idle mask', opsets: [7, 10, 12], body: `g (float[2, 3] x) => (float[2, 3] y) { y, mask = Dropout (x) }` },
  {
    title: 'Dropout whose mask is read',
    opsets: [7, 9],
    body: `g (float[2, 3] x) => (float[2, 3] y, float[2, 3] m) { y, m = Dropout (x) }`,
    pinned: 'Dropout',
  },
  {
    title: 'Dropout whose mask of booleans is read',
    opsets: [10, 11],
    body: `g (float[2, 3] x) => (float[2, 3] y, bool[2, 3] m) { y, m = Dropout <ratio = 0.25> (x) }`,
    pinned: 'Dropout',
  },
  {
    title: 'Dropout whose mask is read and defined',
    opsets: [12, 13],
    body: `g (float[2, 3] x) => (float[2, 3] y, bool[2, 3] m) { y, m = Dropout (x) }`,
  },
  {
    title: 'Dropout with a seed and inputs',
    opsets: [12, 13],
    body: `g (float[2, 3] x) => (float[2, 3] y) <float r = {0.1}, bool t = {0}> { y = Dropout <seed = 7> (x, r, t) }`,
  },

  // ---- axes ----
  ...[
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceSum',
    'ReduceProd',
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSumExp',
    'ReduceSumSquare',
    'ReduceLogSum',
  ].flatMap((op): Case[] => {
    const abs = op === 'ReduceLogSum' ? 'a = Abs (x)' : 'a = Identity (x)';
    const last = op === 'ReduceSum' ? 12 : 17;
    return [
      {
        title: `${op} of some axes`,
        opsets: [7, 11, last],
        body: `g (float[2, 3, 4, 5] x) => (float[2, 3] y) { ${abs} y = ${op} <axes = [2, 3], keepdims = 0> (a) }`,
      },
      {
        title: `${op} of negative axes`,
        opsets: [9, 11, last],
        body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 1, 1] y) { ${abs} y = ${op} <axes = [-1, -2]> (a) }`,
      },
      {
        title: `${op} of all axes`,
        opsets: [7, 11, last, 18],
        body: `g (float[2, 3, 4] x) => (float[1, 1, 1] y) { ${abs} y = ${op} (a) }`,
      },
    ];
  }),
  {
    title: 'ReduceSum with axes as input',
    opsets: [13, 17, 18],
    body: `g (float[2, 3, 4] x) => (float[2, 4] y) <int64[1] a = {1}> { y = ReduceSum <keepdims = 0> (x, a) }`,
  },
  {
    title: 'ReduceMean with axes as input',
    opsets: [18, 20],
    body: `g (float[2, 3, 4] x) => (float[2, 4] y) <int64[1] a = {-2}> { y = ReduceMean <keepdims = 0> (x, a) }`,
  },
  {
    title: 'ReduceMean that reduces nothing',
    opsets: [18, 20],
    body: `g (float[2, 3] x) => (float[2, 3] y) { y = ReduceMean <noop_with_empty_axes = 1> (x) }`,
  },
  {
    title: 'Squeeze and Unsqueeze',
    opsets: [7, 10, 11, 12],
    body: `g (float[2, 1, 3, 1] x) => (float[1, 2, 3, 1] y) { s = Squeeze <axes = [1, 3]> (x) y = Unsqueeze <axes = [0, 3]> (s) }`,
  },
  { title: 'Squeeze of all axes', opsets: [7, 11, 13, 21], body: `g (float[2, 1, 3, 1] x) => (float[2, 3] y) { y = Squeeze (x) }` },
  {
    title: 'ArgMax and ArgMin',
    opsets: [7, 11, 12, 13],
    body: `g (float[2, 3, 4] x) => (int64[2, 1, 4] y, int64[2, 3] z) { y = ArgMax <axis = 1> (x) z = ArgMin <axis = 2, keepdims = 0> (x) }`,
  },
  {
    title: 'ArgMax that takes the last',
    opsets: [12, 13],
    body: `g (int32[2, 3, 4] x) => (int64[2, 1, 4] y) { y = ArgMax <axis = 1, select_last_index = 1> (x) }`,
  },
  { title: 'CumSum', opsets: [11, 14], body: `g (float[2, 3] x) => (float[2, 3] y) <int64 a = {1}> { y = CumSum (x, a) }` },

  // ---- slices and pieces ----
  {
    title: 'Slice by attributes',
    opsets: [7, 9],
    body: `g (float[2, 6, 4] x) => (float[2, 2, 4] y) { y = Slice <axes = [1], starts = [1], ends = [3]> (x) }`,
  },
  {
    title: 'Slice to the end',
    opsets: [7, 9],
    body: `g (float[2, 6, 4] x) => (float[1, 5, 4] y) { y = Slice <starts = [1, -5], ends = [9223372036854775807, 2147483647]> (x) }`,
  },
  {
    title: 'Slice by inputs',
    opsets: [10, 11, 13],
    body: `g (float[2, 6, 4] x) => (float[2, 3, 4] y) <int64[1] s = {0}, int64[1] e = {9223372036854775807}, int64[1] a = {1}, int64[1] t = {2}> { y = Slice (x, s, e, a, t) }`,
  },
  {
    title: 'Slice by int32',
    opsets: [10, 13],
    body: `g (float[2, 6, 4] x) => (float[2, 3, 4] y) <int32[1] s = {0}, int32[1] e = {3}, int32[1] a = {1}> { y = Slice (x, s, e, a) }`,
  },
  {
    title: 'Split in equal parts',
    opsets: [7, 11, 13, 17],
    body: `g (float[2, 6] x) => (float[2, 3] y, float[2, 3] z) { y, z = Split <axis = 1> (x) }`,
  },
  {
    title: 'Split by sizes',
    opsets: [7, 11, 12],
    body: `g (float[2, 6] x) => (float[2, 1] y, float[2, 5] z) { y, z = Split <axis = -1, split = [1, 5]> (x) }`,
  },
  {
    title: 'Split by an input',
    opsets: [13, 17, 18],
    body: `g (float[2, 6] x) => (float[2, 1] y, float[2, 5] z) <int64[2] s = {1, 5}> { y, z = Split <axis = 1> (x, s) }`,
  },
  {
    title: 'Split in unequal parts',
    opsets: [18, 20],
    body: `g (float[2, 5] x) => (float[2, 3] y, float[2, 2] z) { y, z = Split <axis = 1, num_outputs = 2> (x) }`,
  },
  {
    title: 'Concat, Transpose, Flatten',
    opsets: [7, 9, 11, 13, 21],
    body: `g (float[2, 3, 4] x) => (float[4, 12] y) { t = Transpose <perm = [2, 0, 1]> (x) c = Concat <axis = 2> (t, t) y = Flatten <axis = 1> (c) }`,
  },
  {
    title: 'Gather',
    opsets: [7, 11, 13],
    body: `g (float[2, 3, 4] x) => (float[2, 2, 4] y) <int64[2] i = {2, 0}> { y = Gather <axis = 1> (x, i) }`,
  },
  {
    title: 'Scatter',
    opsets: [9, 10],
    body: `g (float[3, 3] x) => (float[3, 3] y) <int64[2, 3] i = {1, 0, 2, 0, 2, 1}, float[2, 3] u = {1, 2, 3, 4, 5, 6}> { y = Scatter <axis = 0> (x, i, u) }`,
  },
  {
    title: 'ScatterElements',
    opsets: [11, 13, 16],
    body: `g (float[3, 3] x) => (float[3, 3] y) <int64[2, 3] i = {1, 0, 2, 0, 2, 1}, float[2, 3] u = {1, 2, 3, 4, 5, 6}> { y = ScatterElements <axis = 1> (x, i, u) }`,
  },
  {
    title: 'ScatterElements with a maximum',
    opsets: [18],
    body: `g (float[3, 3] x) => (float[3, 3] y) <int64[2, 3] i = {1, 0, 2, 0, 2, 1}, float[2, 3] u = {1, 2, 3, 4, 5, 6}> { y = ScatterElements <axis = 1, reduction = "max"> (x, i, u) }`,
  },
  {
    title: 'TopK by attribute',
    opsets: [7, 9],
    body: `g (float[2, 5] x) => (float[2, 3] y, int64[2, 3] i) { y, i = TopK <k = 3, axis = 1> (x) }`,
  },
  {
    title: 'TopK by input',
    opsets: [10, 11],
    body: `g (float[2, 5] x) => (float[2, 3] y, int64[2, 3] i) <int64[1] k = {3}> { y, i = TopK (x, k) }`,
  },
  {
    title: 'the smallest of TopK',
    opsets: [11],
    body: `g (float[2, 5] x) => (float[2, 3] y, int64[2, 3] i) <int64[1] k = {3}> { y, i = TopK <largest = 0> (x, k) }`,
  },
  {
    title: 'OneHot',
    opsets: [9, 11],
    body: `g (int64[3] x) => (float[3, 4] y) <int64[1] d = {4}, float[2] v = {0, 1}> { y = OneHot (x, d, v) }`,
  },
  {
    title: 'shape arithmetic',
    opsets: [7, 11, 13, 19],
    body: `g (float[2, 3, 4] x) => (float[] y) <int64 zero = {0}, int64[1] minus = {-1}, int64[1] one = {1}> { s = Shape (x) b = Gather (s, minus) m = Mul (b, one) d = Div (m, one) c = Concat <axis = 0> (minus, d) y = Reshape (x, c) }`,
  },
  { title: 'a part of a Shape', opsets: [15, 19], body: `g (float[2, 3, 4] x) => (int64[2] y) { y = Shape <start = 1, end = 3> (x) }` },
  {
    title: 'Reshape that keeps zeros',
    opsets: [14, 19],
    body: `g (float[2, 0] x) => (float[0, 3] y) <int64[2] s = {0, 3}> { y = Reshape <allowzero = 1> (x, s) }`,
  },
  {
    title: 'Expand, Tile, ConstantOfShape',
    opsets: [9, 13, 20],
    body: `g (float[1, 3] x) => (float[4, 6] y) <int64[2] s = {2, 3}, int64[2] r = {2, 2}> { e = Expand (x, s) c = ConstantOfShape <value = float[1] {2}> (s) a = Add (e, c) y = Tile (a, r) }`,
  },

  // ---- padding ----
  {
    title: 'Pad by attributes',
    opsets: [7, 10],
    body: `g (float[1, 2, 3, 3] x) => (float[1, 2, 6, 7] y) { y = Pad <pads = [0, 0, 1, 2, 0, 0, 2, 2], value = -1.5> (x) }`,
  },
  {
    title: 'Pad with zeros',
    opsets: [7, 10],
    body: `g (float[1, 2, 3, 3] x) => (float[1, 2, 6, 7] y) { y = Pad <pads = [0, 0, 1, 2, 0, 0, 2, 2]> (x) }`,
  },
  {
    title: 'Pad by reflection, and cut',
    opsets: [7, 10],
    body: `g (float[1, 2, 4, 3] x) => (float[1, 2, 3, 5] y) { p = Pad <pads = [0, 0, 0, 1, 0, 0, 0, 1], mode = "reflect"> (x) y = Pad <pads = [0, 0, -1, 0, 0, 0, 0, 0], mode = "edge"> (p) }`,
  },
  {
    title: 'Pad by inputs',
    opsets: [11, 13, 18, 19],
    body: `g (float[1, 2, 3] x) => (float[1, 2, 6] y) <int64[6] p = {0, 0, 1, 0, 0, 2}, float v = {2.5}> { y = Pad (x, p, v) }`,
  },
  {
    title: 'Pad of one axis',
    opsets: [18, 19],
    body: `g (float[1, 2, 3] x) => (float[1, 2, 6] y) <int64[2] p = {1, 2}, int64[1] a = {-1}> { y = Pad (x, p, , a) }`,
  },
  {
    title: 'Pad around',
    opsets: [19, 21],
    body: `g (float[1, 2, 3] x) => (float[1, 2, 6] y) <int64[6] p = {0, 0, 1, 0, 0, 2}> { y = Pad <mode = "wrap"> (x, p) }`,
  },

  // ---- elementwise ----
  { title: 'Clip by attributes', opsets: [7, 10], body: `g (float[2, 3] x) => (float[2, 3] y) { y = Clip <min = 0.0, max = 6.0> (x) }` },
  { title: 'Clip from below', opsets: [7, 10], body: `g (float[2, 3] x) => (float[2, 3] y) { y = Clip <min = 0.1> (x) }` },
  { title: 'Clip by inputs', opsets: [11, 12, 13], body: `g (float[2, 3] x) => (float[2, 3] y) <float h = {1.25}> { y = Clip (x, , h) }` },
  {
    title: 'Clip of integers',
    opsets: [12, 13],
    body: `g (int64[2, 3] x) => (int64[2, 3] y) <int64 l = {1}, int64 h = {2}> { y = Clip (x, l, h) }`,
  },
  {
    title: 'activations',
    opsets: [7, 9, 13],
    body: `g (float[2, 3, 4] x) => (float[2, 3, 4] y) <float[3, 1] s = {0.1, 0.2, 0.3}>
      { a = LeakyRelu <alpha = 0.2> (x) b = Elu (a) c = Selu (b) d = HardSigmoid <alpha = 0.3> (c) e = PRelu (d, s) f = Sigmoid (e) h = Tanh (f) i = Softplus (h) j = Relu (i) k = Exp (j) l = Log (k) m = Sqrt (l) n = Abs (m) o = Neg (n) p = Floor (o) q = Ceil (p) r = Reciprocal (k) t = Softsign (r) y = Add (t, q) }`,
  },
  {
    title: 'newer activations',
    opsets: [14, 16, 20],
    body: `g (float[2, 3] x) => (float[2, 3] y) { a = HardSwish (x) b = Erf (a) y = Celu (b) }`,
  },
  { title: 'Gelu and Mish', opsets: [20, 22], body: `g (float[2, 3] x) => (float[2, 3] y) { a = Gelu (x) y = Mish (a) }` },
  {
    title: 'arithmetic that broadcasts',
    opsets: [7, 13, 14],
    body: `g (float[2, 3, 4] x, float[3, 1] z) => (float[2, 3, 4] y) { a = Add (x, z) b = Sub (a, z) c = Mul (b, z) d = Div (c, x) e = Abs (d) y = Pow (e, z) }`,
  },
  {
    title: 'a power of another type',
    opsets: [12, 15],
    body: `g (float[2, 3] x) => (float[2, 3] y) <int64 two = {2}> { y = Pow (x, two) }`,
  },
  {
    title: 'Max, Min, Mean and Sum of equal shapes',
    opsets: [7, 8, 13],
    body: `g (float[2, 3] x, float[2, 3] z) => (float[2, 3] y) { a = Max (x, z) b = Min (x, z) c = Mean (a, b, x) y = Sum (c, z, a) }`,
  },
  {
    title: 'Max and Sum that broadcast',
    opsets: [8, 13],
    body: `g (float[2, 3] x, float[3] z) => (float[2, 3] y) { a = Max (x, z) y = Sum (a, z) }`,
  },
  { title: 'Max of integers', opsets: [12, 13], body: `g (int64[2, 3] x, int64[2, 3] z) => (int64[2, 3] y) { y = Max (x, z) }` },
  {
    title: 'comparison and choice',
    opsets: [9, 13, 16],
    body: `g (float[2, 3] x, float[2, 3] z) => (float[2, 3] y) { a = Greater (x, z) b = Less (x, z) c = Or (a, b) d = And (c, a) n = Not (d) y = Where (n, x, z) }`,
  },
  { title: 'Mod', opsets: [10, 13], body: `g (int64[2, 3] x) => (int64[2, 3] y) <int64 m = {3}> { y = Mod (x, m) }` },
  {
    title: 'Cast',
    opsets: [7, 9, 13, 19, 21],
    body: `g (float[2, 3] x) => (double[2, 3] y) { a = Cast <to = 7> (x) y = Cast <to = 11> (a) }`,
  },
  { title: 'Round and IsNaN', opsets: [11, 13], body: `g (float[2, 3] x) => (bool[2, 3] y) { a = Round (x) y = IsNaN (a) }` },

  // ---- layers ----
  {
    title: 'Gemm',
    opsets: [7, 9, 11, 13],
    body: `g (float[2, 3] x) => (float[2, 2] y) <float[2, 3] w = {1, 2, 3, 4, 5, 6}, float[2] b = {0.5, -1}> { y = Gemm <transB = 1, alpha = 0.5> (x, w, b) }`,
  },
  {
    title: 'Gemm without C',
    opsets: [11, 13],
    body: `g (float[2, 3] x) => (float[2, 2] y) <float[2, 3] w = {1, 2, 3, 4, 5, 6}> { y = Gemm <transB = 1> (x, w) }`,
  },
  {
    title: 'MatMul',
    opsets: [7, 9, 13],
    body: `g (float[2, 3] x) => (float[2, 2] y) <float[3, 2] w = {1, 2, 3, 4, 5, 6}> { y = MatMul (x, w) }`,
  },
  {
    title: 'Conv',
    opsets: [7, 11, 21, 22],
    body: `g (float[1, 2, 5, 6] x) => (float[1, 2, 3, 3] y) <float[2, 1, 3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}, float[2] b = {1, 2}> { y = Conv <group = 2, strides = [2, 2], auto_pad = "SAME_UPPER"> (x, w, b) }`,
  },
  {
    title: 'ConvTranspose with automatic pads',
    opsets: [7, 10, 11],
    body: `g (float[1, 1, 3, 3] x) => (float[] y) <float[1, 1, 3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}> { y = ConvTranspose <strides = [2, 2], auto_pad = "SAME_LOWER"> (x, w) }`,
  },
  {
    title: 'MaxPool',
    opsets: [7, 8, 10, 11, 12, 21, 22],
    body: `g (float[1, 2, 7, 6] x) => (float[] y) { y = MaxPool <kernel_shape = [3, 2], strides = [2, 2], pads = [1, 0, 1, 1]> (x) }`,
  },
  {
    title: 'MaxPool with automatic pads',
    opsets: [7, 8, 10, 12, 22],
    body: `g (float[1, 2, 7, 6] x) => (float[] y) { y = MaxPool <kernel_shape = [3, 2], strides = [2, 2], auto_pad = "SAME_LOWER"> (x) }`,
  },
  {
    title: 'MaxPool with indices',
    opsets: [8, 10, 12],
    body: `g (float[1, 2, 4, 4] x) => (float[] y, int64[] i) { y, i = MaxPool <kernel_shape = [2, 2], strides = [2, 2], storage_order = 1> (x) }`,
  },
  {
    title: 'MaxPool that rounds up',
    opsets: [10, 11, 12, 22],
    body: `g (float[1, 2, 6, 6] x) => (float[] y) { y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1, pads = [1, 1, 1, 1]> (x) }`,
  },
  {
    title: 'MaxPool that rounds up and dilates',
    opsets: [10, 12],
    body: `g (float[1, 2, 8, 8] x) => (float[] y) { y = MaxPool <kernel_shape = [2, 2], strides = [3, 3], ceil_mode = 1, dilations = [2, 2]> (x) }`,
  },
  {
    title: 'AveragePool',
    opsets: [7, 10, 11],
    tolerance: 1e-6,
    body: `g (float[1, 2, 7, 6] x) => (float[] y) { y = AveragePool <kernel_shape = [3, 2], strides = [2, 2], pads = [1, 0, 1, 1]> (x) }`,
  },
  {
    title: 'AveragePool that counts pads',
    opsets: [7, 10, 11],
    tolerance: 1e-6,
    body: `g (float[1, 2, 7, 6] x) => (float[] y) { y = AveragePool <kernel_shape = [3, 2], strides = [2, 2], pads = [1, 0, 1, 1], count_include_pad = 1> (x) }`,
  },
  {
    title: 'AveragePool that rounds up',
    opsets: [10, 11],
    tolerance: 1e-6,
    body: `g (float[1, 2, 6, 6] x) => (float[] y) { y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1, pads = [1, 1, 1, 1]> (x) }`,
  },
  {
    title: 'AveragePool that rounds up and counts pads',
    opsets: [10, 11],
    tolerance: 1e-6,
    body: `g (float[1, 2, 6, 6] x) => (float[] y) { y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1, count_include_pad = 1, pads = [1, 1, 1, 1]> (x) }`,
  },
  {
    title: 'AveragePool with automatic pads',
    opsets: [7, 10, 11],
    tolerance: 1e-6,
    body: `g (float[1, 2, 7, 6] x) => (float[] y) { y = AveragePool <kernel_shape = [3, 2], strides = [2, 2], auto_pad = "SAME_UPPER"> (x) }`,
  },
  {
    title: 'AveragePool that dilates',
    opsets: [19, 22],
    body: `g (float[1, 2, 7, 6] x) => (float[] y) { y = AveragePool <kernel_shape = [3, 2], dilations = [2, 1]> (x) }`,
  },
  {
    title: 'global pools',
    until: 21,
    opsets: [7, 13, 21],
    body: `g (float[2, 3, 4, 5] x) => (float[2, 3, 1, 1] y) { a = GlobalAveragePool (x) b = GlobalMaxPool (x) c = GlobalLpPool <p = 2> (x) d = Add (a, b) y = Add (c, d) }`,
  },
  {
    title: 'LpPool',
    opsets: [7, 11],
    tolerance: 1e-6,
    body: `g (float[1, 2, 6, 6] x) => (float[1, 2, 3, 3] y) { y = LpPool <kernel_shape = [2, 2], strides = [2, 2], p = 3> (x) }`,
  },
  {
    title: 'DepthToSpace and SpaceToDepth',
    opsets: [7, 10, 11, 13],
    body: `g (float[1, 4, 2, 3] x) => (float[1, 4, 2, 3] y) { d = DepthToSpace <blocksize = 2> (x) y = SpaceToDepth <blocksize = 2> (d) }`,
  },
  {
    title: 'DepthToSpace by columns',
    opsets: [11, 13],
    body: `g (float[1, 4, 2, 3] x) => (float[1, 1, 4, 6] y) { y = DepthToSpace <blocksize = 2, mode = "CRD"> (x) }`,
  },

  // ---- resizing ----
  ...range(7, 8).flatMap((opset): Case[] => [
    {
      title: 'Upsample nearest by attribute',
      opsets: [opset],
      body: `g (float[1, 2, 3, 4] x) => (float[] y) { y = Upsample <scales = [1.0, 1.0, 2.0, 1.7]> (x) }`,
    },
    {
      title: 'Upsample linear by attribute',
      opsets: [opset],
      body: `g (float[1, 2, 3, 4] x) => (float[] y) { y = Upsample <mode = "linear", scales = [1.0, 1.0, 2.0, 1.7]> (x) }`,
    },
  ]),
  {
    title: 'Upsample nearest',
    opsets: [9],
    body: `g (float[1, 2, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 2.5, 3}> { y = Upsample <mode = "nearest"> (x, s) }`,
  },
  {
    title: 'Upsample linear',
    opsets: [9],
    body: `g (float[1, 2, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 2.5, 3}> { y = Upsample <mode = "linear"> (x, s) }`,
  },
  {
    title: 'Upsample by what is computed',
    skips: [10],
    opsets: [9],
    body: `g (float[1, 2, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 2.5, 3}> { c = Identity (s) y = Upsample (x, c) }`,
  },
  {
    title: 'Resize-10 that enlarges',
    opsets: [10],
    body: `g (float[1, 2, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 1.7, 2}> { y = Resize (x, s) }`,
  },
  {
    title: 'Resize-10 that shrinks',
    opsets: [10],
    body: `g (float[1, 2, 7, 9] x) => (float[] y) <float[4] s = {1, 1, 0.6, 0.3333333}> { y = Resize <mode = "nearest"> (x, s) }`,
  },
  {
    title: 'Resize-10 that does both',
    opsets: [10],
    body: `g (float[1, 2, 7, 9] x) => (float[] y) <float[4] s = {1, 1, 1.6, 0.4}> { y = Resize (x, s) }`,
    pinned: 'Resize',
  },
  {
    title: 'Resize-10, linear, that does both',
    opsets: [10],
    body: `g (float[1, 2, 7, 9] x) => (float[] y) <float[4] s = {1, 1, 1.6, 0.4}> { y = Resize <mode = "linear"> (x, s) }`,
  },
  {
    title: 'Resize-10 by what is computed',
    opsets: [10],
    body: `g (float[1, 2, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 2.5, 3}> { c = Identity (s) y = Resize (x, c) }`,
    pinned: 'Resize',
  },
  {
    title: 'Resize-11 by scales',
    opsets: [11, 12],
    body: `g (float[1, 2, 3, 4] x) => (float[] y) <float[0] r = {}, float[4] s = {1, 1, 1.7, 2}> { y = Resize <mode = "linear", coordinate_transformation_mode = "pytorch_half_pixel"> (x, r, s) }`,
  },
  {
    title: 'Resize-11 by sizes',
    opsets: [11, 12],
    body: `g (float[1, 2, 3, 4] x) => (float[] y) <float[0] e = {}, int64[4] s = {1, 2, 5, 6}> { y = Resize <mode = "cubic", cubic_coeff_a = -0.5> (x, e, e, s) }`,
  },
  {
    title: 'Resize-11 of a region',
    opsets: [11, 12],
    body: `g (float[1, 1, 4, 4] x) => (float[] y) <float[8] r = {0, 0, 0.2, 0.1, 1, 1, 0.9, 0.7}, float[0] e = {}, int64[4] s = {1, 1, 3, 3}> { y = Resize <mode = "linear", coordinate_transformation_mode = "tf_crop_and_resize", extrapolation_value = 9.0> (x, r, e, s) }`,
  },
  {
    title: 'Resize-11 in the way of old TensorFlow',
    opsets: [11, 12],
    body: `g (float[1, 1, 3, 4] x) => (float[] y) <float[0] r = {}, float[4] s = {1, 1, 1.7, 2}> { y = Resize <coordinate_transformation_mode = "tf_half_pixel_for_nn"> (x, r, s) }`,
    pinned: 'Resize',
  },
  {
    title: 'Resize-13',
    opsets: [13, 18, 19],
    body: `g (float[1, 1, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 1.7, 2}> { y = Resize <nearest_mode = "floor"> (x, , s) }`,
  },
  {
    title: 'Resize-18 against aliasing',
    opsets: [18, 19],
    body: `g (float[1, 1, 6, 8] x) => (float[] y) <int64[2] s = {3, 4}> { y = Resize <mode = "linear", antialias = 1, axes = [2, 3]> (x, , , s) }`,
  },
  {
    title: 'Resize-19 with symmetric half pixels',
    opsets: [19],
    body: `g (float[1, 1, 6, 8] x) => (float[] y) <float[4] s = {1, 1, 0.55, 0.7}> { y = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel_symmetric"> (x, , s) }`,
  },

  // ---- others ----
  {
    title: 'LSTM',
    opsets: [7, 14],
    body: `g (float[3, 1, 2] x) => (float[] y) <float[1, 4, 2] w = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}, float[1, 4, 1] r = {0.1, -0.2, 0.3, 0.4}> { y = LSTM <hidden_size = 1> (x, w, r) }`,
  },
  {
    title: 'GridSample',
    opsets: [16, 19],
    body: `g (float[1, 1, 4, 4] x) => (float[] y) <float[1, 2, 2, 2] f = {0.1, -0.3, 0.5, 0.7, -0.9, 0.2, 0, 0.4}> { a = GridSample (x, f) b = GridSample <mode = "bicubic"> (x, f) y = Add (a, b) }`,
  },
  {
    title: 'RoiAlign',
    until: 21,
    opsets: [10, 15],
    body: `g (float[1, 1, 6, 6] x) => (float[] y) <float[1, 4] r = {0.5, 0.7, 3.2, 4.1}, int64[1] b = {0}> { y = RoiAlign <output_height = 2, output_width = 2, sampling_ratio = 2> (x, r, b) }`,
  },
  {
    title: 'RoiAlign with half pixels',
    until: 21,
    opsets: [16, 21],
    body: `g (float[1, 1, 6, 6] x) => (float[] y) <float[1, 4] r = {0.5, 0.7, 3.2, 4.1}, int64[1] b = {0}> { y = RoiAlign <output_height = 2, output_width = 2, sampling_ratio = 2> (x, r, b) }`,
  },
  { title: 'DFT', opsets: [17, 19], body: `g (float[1, 4, 1] x) => (float[] y) { y = DFT (x) }` },
  {
    title: 'quantisation',
    opsets: [10, 13, 19],
    body: `g (float[2, 3] x) => (float[2, 3] y) <float s = {0.1}, uint8 z = {128}> { q = QuantizeLinear (x, s, z) y = DequantizeLinear (q, s, z) }`,
  },
  {
    title: 'quantisation per channel',
    opsets: [13, 19],
    body: `g (float[2, 3] x) => (float[2, 3] y) <float[3] s = {0.1, 0.2, 0.3}, uint8[3] z = {128, 100, 90}> { q = QuantizeLinear <axis = 1> (x, s, z) y = DequantizeLinear <axis = 1> (q, s, z) }`,
  },
  {
    title: 'nested graphs',
    opsets: [7, 9],
    body: `g (float[2, 6] x, bool c) => (float[2, 3] y) {
      y = If (c) <then_branch = t () => (float[2, 3] a) { a = Slice <axes = [1], starts = [0], ends = [3]> (x) }, else_branch = e () => (float[2, 3] b) { b, d = Split <axis = 1> (x) }>
    }`,
  },
  {
    title: 'graphs nested in nested graphs, with values from without',
    opsets: [11, 12],
    body: `g (float[2, 6] x, bool c) => (float[2, 6] y) {
      z = Softmax (x)
      y = If (c) <then_branch = t () => (float[2, 6] a) { a = If (c) <then_branch = tt () => (float[2, 6] aa) { s = ReduceMean <axes = [1]> (z) aa = Sub (x, s) }, else_branch = te () => (float[2, 6] ab) { ab = Identity (x) }> },
        else_branch = e () => (float[2, 6] b) { b = Clip (x) }>
    }`,
  },
  {
    title: 'operators of other domains',
    opsets: [9, 13],
    body: `g (float[2, 3] x) => (float[2, 3] y) { a = com.microsoft.Gelu (x) y = com.microsoft.FastGelu (a) }`,
  },
];
