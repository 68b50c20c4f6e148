/**
 * open-fused: rewrite layers that ONNX Runtime's optimiser fused as ONNX operators, so that all other passes recognise them.
 *
 *   Y = com.microsoft.FusedConv <activation = "Relu"> (X, W, B, Z)
 * becomes
 *   Y = Relu (Add (Conv (X, W, B), Z))
 *
 * and the same for FusedGemm and FusedMatMul, and the variants of Gelu (Gelu, BiasGelu, FastGelu, QuickGelu). Files contain them if a session was
 * configured to save its optimised network.
 * Numbers: rounding. The runtime fuses the operators again as it sees fit, with a kernel of its own.
 * Left alone: activations and batches of matrices that have no form in ONNX; operators over blocks of channels (com.microsoft.nchwc), whose weights have
 * a layout for one processor.
 */
import { floatsAttr, givenFloat, givenInt, givenString } from '../src/ir/attrs';
import { table } from '../src/ir/table';
import type { Attr, Node, Value } from '../src/ir/types';
import { rankOf } from '../src/ir/types';
import type { Builder } from '../src/rewrite/builder';
import { defineRulePass } from '../src/rewrite/pass';
import { node } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

type Operand = Value | undefined;

interface Form {
  /** Reason why the operator cannot be opened, if any. */
  readonly whyNot?: (fused: Node) => string | undefined;
  readonly open: (fused: Node, make: Builder) => Value;
}

/** Attributes of each activation, in the order of its parameters. */
const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = table({
  Relu: [],
  Sigmoid: [],
  Tanh: [],
  LeakyRelu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
  Clip: ['min', 'max'],
});

const activationOf = (fused: Node): string | undefined => givenString(fused, 'activation');
const unknownActivation = (fused: Node): string | undefined => {
  const name = activationOf(fused);
  return name === undefined || name in ACTIVATIONS ? undefined : `its activation '${name}' is not known`;
};

/** Applies the activation. `parameters`: those of the fused operator, in the order of the activation's own. */
function activated(x: Value, fused: Node, parameters: readonly (number | undefined)[], make: Builder): Value {
  const name = activationOf(fused);
  if (name === undefined) return x;
  if (name !== 'Clip') return make.op(name, [x], Object.fromEntries((ACTIVATIONS[name] ?? []).map((attr, at) => [attr, parameters[at]])));
  const bounds = parameters.map((bound, at) =>
    bound === undefined ? undefined : make.scalar(at === 0 ? 'low' : 'high', x.type?.dtype ?? 'float', bound),
  );
  return make.op('Clip', [x, ...bounds]);
}

const withoutActivation = (fused: Node): ReadonlyMap<string, Attr> =>
  new Map([...fused.attrs].filter(([name]) => !name.startsWith('activation')));

/** Elementwise, after adding the bias if there is one. */
const biased = (fused: Node, make: Builder): Operand => {
  const [x, bias] = fused.inputs;
  return bias ? make.op('Add', [x, bias]) : x;
};

const FORMS: Readonly<Record<string, Form>> = table({
  'com.microsoft.FusedConv': {
    whyNot: unknownActivation,
    open(fused, make) {
      const [x, weight, bias, added] = fused.inputs;
      const conv = make.op('Conv', [x, weight, bias], withoutActivation(fused));
      return activated(added ? make.op('Add', [conv, added]) : conv, fused, floatsAttr(fused, 'activation_params') ?? [], make);
    },
  },
  'com.microsoft.FusedGemm': {
    whyNot: unknownActivation,
    open: (fused, make) =>
      activated(
        make.op('Gemm', fused.inputs, withoutActivation(fused)),
        fused,
        ['activation_alpha', 'activation_beta'].map((name) => givenFloat(fused, name)),
        make,
      ),
  },
  'com.microsoft.FusedMatMul': {
    whyNot: (fused) =>
      ['transBatchA', 'transBatchB'].some((name) => (givenInt(fused, name) ?? 0) !== 0)
        ? 'it moves the batch of its matrices'
        : fused.inputs.some((input) => input && rankOf(input) === undefined)
          ? 'the number of its axes is not known'
          : undefined,
    open(fused, make) {
      const [a, b] = fused.inputs.map((input, slot) => turned(input, (givenInt(fused, slot === 0 ? 'transA' : 'transB') ?? 0) !== 0, make));
      const product = make.op('MatMul', [a, b]);
      const alpha = givenFloat(fused, 'alpha') ?? 1;
      return alpha === 1 ? product : make.op('Mul', [product, make.scalar('alpha', product.type?.dtype ?? 'float', alpha)]);
    },
  },
  'com.microsoft.Gelu': { open: (fused, make) => make.op('Gelu', fused.inputs) },
  'com.microsoft.BiasGelu': { open: (fused, make) => make.op('Gelu', [biased(fused, make)]) },
  'com.microsoft.FastGelu': { open: (fused, make) => make.op('Gelu', [biased(fused, make)], { approximate: 'tanh' }) },
  'com.microsoft.QuickGelu': {
    open(fused, make) {
      const [x] = fused.inputs;
      const alpha = make.scalar('alpha', x?.type?.dtype ?? 'float', givenFloat(fused, 'alpha') ?? 1.702);
      return make.op('Mul', [x, make.op('Sigmoid', [make.op('Mul', [x, alpha])])]);
    },
  },
});

/** A matrix, or each of a batch, with its last two axes exchanged. */
function turned(value: Operand, isTurned: boolean, make: Builder): Operand {
  const rank = value && rankOf(value);
  if (!isTurned || rank === undefined || rank < 2) return value;
  const batch = Array.from({ length: rank - 2 }, (_, axis) => axis);
  return make.op('Transpose', [value], { perm: [...batch, rank - 1, rank - 2] });
}

const fused = defineRule({
  name: 'fused',
  match: node(Object.keys(FORMS), [], { as: 'layer', moreInputs: true }),
  when({ layer }) {
    const form = FORMS[layer.op];
    if (!form || layer.inputs[0] === undefined) return undefined;
    const reason = form.whyNot?.(layer);
    return reason === undefined ? { form } : refuse(reason, layer);
  },
  build: ({ layer }, make, { form }) => form.open(layer, make),
});

export const openFused = defineRulePass({
  name: 'open-fused',
  summary: 'write layers that ONNX Runtime fused as ONNX has them',
  numbers: 'rounding',
  rules: [fused],
});
