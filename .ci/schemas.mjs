/**
 * Compiles the schemas of JSON that is read into plain functions, so that the program needs no compiler of schemas and no eval:
 *
 *   node .ci/schemas.mjs     writes src/formats/schemas/validators.generated.js
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const Ajv = require('ajv/dist/2020').default;
const standalone = require('ajv/dist/standalone').default;

/** Name of the function: the schema, and where in it. */
const VALIDATORS = {
  tfjsModel: ['tfjs-model', ''],
  tfjsAbout: ['tfjs-model', '#/$defs/about'],
  certificate: ['certificate', ''],
  verifySuite: ['verify-report', '#/$defs/suite'],
};

/** A later version of the program may write more: what is not known is no fault of the file. */
const tolerant = (schema) =>
  Array.isArray(schema)
    ? schema.map(tolerant)
    : schema instanceof Object
      ? Object.fromEntries(
          Object.entries(schema)
            .filter(([key, value]) => !(key === 'additionalProperties' && value === false) && key !== 'description' && key !== 'title')
            .map(([key, value]) => [key, key === 'enum' || key === 'const' || key === 'required' ? value : tolerant(value)]),
        )
      : schema;

export function validators() {
  const ajv = new Ajv({ code: { source: true, esm: false, optimize: 2 }, strictTypes: false, strictTuples: false, inlineRefs: false });
  const read = (name) => JSON.parse(readFileSync(join(root, `docs/schemas/${name}.schema.json`), 'utf8'));
  for (const name of new Set(Object.values(VALIDATORS).map(([name]) => name))) ajv.addSchema(tolerant(read(name)));
  const ids = Object.fromEntries(Object.entries(VALIDATORS).map(([name, [file, at]]) => [name, `${read(file).$id}${at}`]));
  const { code } = transformSync(standalone(ajv, ids), { minifySyntax: true, minifyIdentifiers: true, minifyWhitespace: true });
  return `// Made by .ci/schemas.mjs from docs/schemas.\n${code}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(root, 'src/formats/schemas/validators.generated.js'), validators());
