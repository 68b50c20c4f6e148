/**
 * docs/operators.md says what the registry says, and what the other tables know of each operator: holes are seen.
 * `npm run docs` writes it anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { familyOf } from '../../src/graph-view/families';
import { isEvaluated } from '../../src/ir/evaluate';
import { axisRule } from '../../src/ir/operator-traits';
import { onnxOps } from '../../src/ir/operators';
import { isInferable } from '../../src/ir/shape-inference';
import { operators } from '../../src/operators';
import { uncounted } from '../../src/operators/multiply-adds';
import { loweringFor } from '../../src/tfjs/ops';

const page = join(__dirname, '../../docs/operators.md');

const slots = (numbers: readonly number[] | undefined): string =>
  numbers === undefined ? '' : numbers.length === 0 ? 'none' : numbers.join(', ');
const yes = (is: boolean): string => (is ? 'yes' : '');

function render(): string {
  const rows = onnxOps.map((op) => {
    const { form, says, settings, weights, multiplyAdds, onIntegers, longSums, torch } = operators[op];
    const isLowered = loweringFor(op) !== undefined || loweringFor(`nhwc.${op}`) !== undefined;
    const family = familyOf(op);
    const products = multiplyAdds === uncounted ? 'unknown' : multiplyAdds === operators.Identity.multiplyAdds ? '' : 'counted';
    const rule = axisRule(op);
    const more = [
      rule === 'unknown' ? '' : rule,
      yes(isEvaluated(op)),
      products,
      onIntegers?.kind ?? '',
      longSums ?? '',
      yes(torch !== undefined),
    ];
    const cells = [op, form === 'unknown' ? '' : form, says, slots(settings.length > 0 ? settings : undefined), slots(weights)];
    return `| ${[...cells, yes(isInferable(op)), yes(isLowered), ...more, family === 'other' ? '' : family].join(' | ')} |`;
  });
  const known = onnxOps.filter((op) => operators[op].form !== 'unknown').length;
  return `# Operators

What the compiler knows of each operator of ONNX's own domain. Written by \`npm run docs\` from \`src/operators/\` and the tables of the other parts; an empty
cell is a hole.

- **Form**: how the axes of the result follow from those of the inputs. \`each\`: inputs broadcast against each other; \`same\`: the axes of the first input;
  \`reduced\`: without those that are reduced; \`view\`, \`transposed\`, \`joined\`, \`spread\`, \`gathered\`, \`product\`; \`sizes\`: numbers that tell how large a value is;
  \`places\`: numbers that tell where places are; \`constant\`: one number everywhere.
- **Reads**: what an element of the result takes from the data along an axis. The code (\`reads\`) has it exactly: stride, start and extent as fractions, direction, what
  is counted from the far end, what depends on the size. Receptive fields, strides, contracts and refusals are read off it (\`src/analysis/motion/\`).
  Where it is not known, a conversion refuses the network by the name of the operator.
- **Settings**: inputs that tell lengths, axes and places. **Trained**: inputs that hold trained numbers (empty: constants of several numbers in any slot).
- **Types**: whether element types and shapes are inferred. **TF.js**: whether there is a lowering to TensorFlow.js. **Family**: its colour in \`inspect\`.
- **Axes**: how the role of each axis (batch, channels, spatial) follows (\`src/ir/operator-traits.ts\`). **Evaluated**: whether results of constants are computed
  (\`src/ir/evaluate.ts\`); all others are left to the runtime.
- **Products**: multiply-adds that \`inspect\` reports; unknown: the operator hides them. **On integers**: how large results on integers are, for \`verify --exact\`; empty: such a
  verification ends at the operator. **Long sums**: sums that verification computes in double precision. **PyTorch**: whether it has a module's notation.

${known} of ${onnxOps.length} operators are followed.

| Operator | Form | Reads | Settings | Trained | Types | TF.js | Axes | Evaluated | Products | On integers | Long sums | PyTorch | Family |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

test('docs/operators.md is up to date (npm run docs)', () => {
  const text = render();
  if (process.env.UPDATE_DOCS) writeFileSync(page, text);
  expect(existsSync(page) ? readFileSync(page, 'utf8') : '').toBe(text);
});
