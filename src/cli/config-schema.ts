/** JSON schema of configuration files, generated from the options: docs/schemas/config.schema.json, for editors. */
import { allOptionsOf, COMMANDS } from './options';
import type { Option } from './options/option';

export function configSchema(): object {
  const sections = COMMANDS.map(({ name }) => {
    const options = Object.entries(allOptionsOf(name)).filter(([option]) => option !== 'config');
    const properties = Object.fromEntries(options.map(([option, described]) => [option, valueSchema(described)]));
    return [name, { type: ['object', 'null'], additionalProperties: false, properties }];
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'convolutionize --config',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(sections),
  };
}

function valueSchema({ type, choices, array, value, describe }: Option): object {
  const about = describe ? { description: describe } : {};
  if (type === 'boolean') return { type: 'boolean', ...about };
  const names = (choices ?? []).map(String);
  if (names.length > 0) return { enum: [...names, ...names.filter((name) => /^\d+$/.test(name)).map(Number)], ...about };
  const one = ['string', 'number'];
  if (array) return { type: [...one, 'array'], items: { type: one }, ...about };
  return value?.startsWith('[=') ? { anyOf: [{ type: one }, { const: true }], ...about } : { type: one, ...about };
}
