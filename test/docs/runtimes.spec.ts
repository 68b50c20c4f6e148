/** docs/runtimes.md lists the tables of src/analysis/runtimes/data.ts. `npm run docs` writes it anew. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { operatorsOf, runtimeNames, runtimeOf } from '../../src/analysis/runtimes';
import { isOnnxOp, onnxOps } from '../../src/ir/operators';

const page = join(__dirname, '../../docs/runtimes.md');

function render(): string {
  const tables = runtimeNames.map((name) => ({ name, known: operatorsOf(name), ...runtimeOf(name) }));
  const rows = onnxOps.map((op) => `| ${op} | ${tables.map(({ known }) => (known.has(op) ? 'yes' : '')).join(' | ')} |`);
  const others = [...new Set(tables.flatMap(({ known }) => [...known].filter((op) => op.startsWith('com.microsoft.'))))].sort();
  const extra = others.map((op) => `| ${op} | ${tables.map(({ known }) => (known.has(op) ? 'yes' : '')).join(' | ')} |`);
  return `# Which runtimes take a model

\`inspect MODEL --for webnn\` (or \`coreml\`, \`qnn\`, \`tflite\`, \`opencv-dnn\`) lists the nodes of a model whose operators the runtime does not document, with the pass or option that
helps where one is known. \`--json\` gives the same as data. Open sizes, computed shapes and element types that accelerators do not take are mentioned too.

\`\`\`sh
convolutionize inspect fixtures/models/lenet5.onnx --for webnn
\`\`\`

A table names operators. A runtime may still refuse some of their attributes, types or ranks, and its newer versions may know more.

| name | runtime | source |
|---|---|---|
${tables.map(({ name, title, source, version }) => `| \`${name}\` | ${title} | [${version}](${source}) |`).join('\n')}

Written by \`npm run docs\` from \`src/analysis/runtimes/data.ts\`.

| operator | ${runtimeNames.join(' | ')} |
|---|${runtimeNames.map(() => '---|').join('')}
${[...rows, ...extra].join('\n')}
`;
}

test('docs/runtimes.md is up to date (npm run docs)', () => {
  const text = render();
  if (process.env.UPDATE_DOCS) writeFileSync(page, text);
  expect(existsSync(page) ? readFileSync(page, 'utf8') : '').toBe(text);
});
test('the tables name operators that exist', () => {
  // Names of TensorFlow, of old Caffe2 models, and of functions that runtimes take by themselves.
  const own = new Set(['ImageScaler', 'GeluApproximation', 'Inverse', 'SimplifiedLayerNormalization']);
  for (const name of runtimeNames)
    expect([...operatorsOf(name)].filter((op) => !op.startsWith('com.microsoft.') && !isOnnxOp(op) && !own.has(op))).toEqual([]);
});
