/**
 * Checks JSON against the schema of its format, before anything relies on it. The schemas are in docs/schemas; .ci/schemas.mjs compiles them with Ajv into
 * functions (validators.generated.js).
 */
export type Format = keyof typeof import('./validators.generated');

/** A validator made by Ajv. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}
export interface SchemaError {
  /** `/weights/0/name` */
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The error in a value, and its location; undefined if the value is valid. */
export function misfit(format: Format, value: unknown): Misfit | undefined {
  // Loaded on demand: few commands need them.
  const validators: typeof import('./validators.generated') = require('./validators.generated');
  const validate = validators[format];
  if (validate(value)) return undefined;
  // Of several errors, the deepest one: it belongs to the alternative that was meant.
  const [worst] = [...(validate.errors ?? [])].sort((a, b) => depth(b) - depth(a));
  const path = worst ? partsOf(worst.instancePath) : [];
  return { path, message: `${place(path)} ${worst ? complaint(worst) : 'is not what it must be'}` };
}

export interface Misfit {
  readonly path: readonly string[];
  /** `weights[0].name must be string` */
  readonly message: string;
}

/** Whether the value is valid; T must be the type that the schema describes. */
export const fits = <T>(format: Format, value: unknown): value is T => misfit(format, value) === undefined;

const depth = ({ instancePath, keyword }: SchemaError): number =>
  partsOf(instancePath).length - (keyword === 'oneOf' || keyword === 'anyOf' ? 0.5 : 0);

const partsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

function place(path: readonly string[]): string {
  const text = path
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part.length > 60 ? `${part.slice(0, 60)}...` : part}`))
    .join('')
    .replace(/^\./, '');
  return text === '' ? 'it' : `'${text}'`;
}

function complaint({ keyword, message = 'is not what it must be', params }: SchemaError): string {
  if (keyword === 'required') return `has no '${params.missingProperty}'`;
  if (keyword === 'type') return `must be ${[params.type].flat().join(' or ')}`;
  if (keyword === 'const') return `must be ${JSON.stringify(params.allowedValue)}`;
  if (keyword === 'enum') return `must be one of ${JSON.stringify(params.allowedValues)}`;
  if (keyword === 'oneOf') return 'must be exactly one of the things that it may be';
  return message.replace(/^must NOT have/, 'must not have');
}
