/** Reads the catalogue of errors and warnings as text: its codes with their sentences and hints, section by section. */
import { readFileSync } from 'node:fs';
import { type CallExpression, type Expression, type KeyValueProperty, type NewExpression, parseSync } from '@swc/core';

export interface Entry {
  readonly section: string;
  /** The function that makes the error. */
  readonly name: string;
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly hint: string | undefined;
  /** Its doc comment. */
  readonly comment: string | undefined;
}

export function readCatalogue(file: string): Entry[] {
  const source = readFileSync(file, 'utf8');
  const entries: Entry[] = [];
  for (const [section, text] of sections(source)) {
    for (const item of parseSync(text, { syntax: 'typescript' }).body) {
      if (item.type !== 'ExportDeclaration') continue;
      const declaration = item.declaration;
      const name =
        declaration.type === 'VariableDeclaration' && declaration.declarations[0]?.id.type === 'Identifier'
          ? declaration.declarations[0].id.value
          : declaration.type === 'FunctionDeclaration'
            ? declaration.identifier.value
            : undefined;
      if (name === undefined) continue;
      const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*export (?:const|function) ${name}\\b`).exec(text)?.[1];
      for (const made of errorsIn(declaration)) {
        const fields = new Map(propertiesOf(made).map((property) => [keyOf(property), property.value]));
        const code = fields.get('code');
        if (!code) continue;
        const hint = fields.get('hint');
        entries.push({
          section,
          name,
          code: render(code),
          severity: made.type === 'NewExpression' ? 'error' : 'warning',
          message: render(fields.get('message')),
          hint: hint && render(hint),
          comment: comment?.replace(/\s*\n\s*\*/g, '').trim(),
        });
      }
    }
  }
  return entries;
}

/** What stands between `// ---- name ----` lines. */
function sections(source: string): [string, string][] {
  const parts = source.split(/^\/\/ ---- (.*?) ----$/m);
  const result: [string, string][] = [];
  for (let at = 1; at < parts.length; at += 2) result.push([parts[at] ?? '', parts[at + 1] ?? '']);
  return result;
}

type Made = NewExpression | CallExpression;
function errorsIn(node: unknown): Made[] {
  if (Array.isArray(node)) return node.flatMap(errorsIn);
  if (typeof node !== 'object' || node === null) return [];
  const found = Object.values(node).flatMap(errorsIn);
  return isNewError(node) ? [node, ...found] : found;
}

const isNewError = (node: object): node is Made => {
  const { type, callee } = node as Partial<Made>;
  if (callee?.type !== 'Identifier') return false;
  return (type === 'NewExpression' && callee.value === 'CompileError') || (type === 'CallExpression' && callee.value === 'warning');
};

function propertiesOf(made: Made): KeyValueProperty[] {
  const argument = made.arguments?.[0]?.expression;
  if (argument?.type !== 'ObjectExpression') return [];
  return argument.properties.flatMap((property): KeyValueProperty[] => {
    if (property.type === 'KeyValueProperty') return [property];
    // A shorthand, { message }, stands for a parameter.
    return property.type === 'Identifier' ? [{ type: 'KeyValueProperty', key: property, value: property }] : [];
  });
}

const keyOf = ({ key }: KeyValueProperty): string => (key.type === 'Identifier' || key.type === 'StringLiteral' ? key.value : '');

/** A sentence with `<name>` where the program puts something in. */
function render(expression: Expression | undefined): string {
  switch (expression?.type) {
    case 'StringLiteral':
      return expression.value;
    case 'TemplateLiteral':
      return expression.quasis
        .map((quasi, at) => (quasi.cooked ?? quasi.raw) + (at < expression.expressions.length ? render(expression.expressions[at]) : ''))
        .join('');
    case 'BinaryExpression':
      return ['||', '??'].includes(expression.operator)
        ? `(${render(expression.left)} | ${render(expression.right)})`
        : `${render(expression.left)}${render(expression.right)}`;
    case 'ParenthesisExpression':
      return render(expression.expression);
    case 'Identifier':
      return `<${words(expression.value)}>`;
    case 'MemberExpression':
      return expression.property.type === 'Identifier' && expression.object.type === 'Identifier'
        ? `<${words(expression.object.value)} ${words(expression.property.value)}>`
        : '<...>';
    case 'CallExpression': {
      const { callee } = expression;
      // names.join(', ') is the names; describe(value) is the value.
      if (
        callee.type === 'MemberExpression' &&
        callee.property.type === 'Identifier' &&
        ['join', 'map', 'toString'].includes(callee.property.value)
      )
        return render(callee.object);
      const [argument] = expression.arguments;
      return argument ? render(argument.expression) : '<...>';
    }
    case 'ConditionalExpression': {
      const [yes, no] = [render(expression.consequent), render(expression.alternate)];
      return no === '' ? `(${yes})` : yes === '' ? `(${no})` : `(${yes} | ${no})`;
    }
    default:
      return '<...>';
  }
}

const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
