/**
 * Every error a user can meet: its code, its sentence and its hint, one function each.
 * Sections follow the folders of src/. docs/diagnostics.md is generated from here.
 */
import type { Node, Value } from '../ir/types';
import { CompileError, type Location } from './compile-error';

/** Where a node is, for a diagnostic. */
export const locate = (node: Node): Location => ({ node: node.name, op: node.op, origin: node.origin });
/** Where a value is, for a diagnostic. */
export const locateValue = (value: Value): Location => ({ value: value.name, ...(value.producer ? locate(value.producer) : {}) });

// ---- ir ----
export const cyclicGraph = (names: readonly string[]): CompileError =>
  new CompileError({
    code: 'CYCLIC_GRAPH',
    message: `the graph has a cycle: ${names.join(' -> ')}`,
    at: { node: names[0] },
    hint: 'an ONNX graph must be acyclic; export the model anew',
  });

export const shapeMismatch = (node: Node, what: string): CompileError =>
  new CompileError({
    code: 'SHAPE_MISMATCH',
    message: `the shapes at ${node.op} '${node.name}' contradict each other: ${what}`,
    at: locate(node),
    notes: node.inputs.flatMap((input) => (input ? [`it reads ${describeValue(input)}`] : [])),
    hint: 'the model is damaged, or --input-size is not the size that it was made for',
  });

// ---- onnx ----

// ---- node (files) ----

// ---- onnx/text ----
export const textSyntax = (message: string, at: Location): CompileError =>
  new CompileError({ code: 'TEXT_SYNTAX', message, at, hint: 'the syntax is described in docs/Syntax.md of the onnx project' });
export const textUndefinedValue = (name: string, at: Location): CompileError =>
  new CompileError({
    code: 'TEXT_UNDEFINED_VALUE',
    message: `'${name}' is read before anything defines it`,
    at: { ...at, value: name },
    hint: 'nodes stand after those that they read; a constant needs its data: float[2] w = {1, 2}',
  });
export const textDuplicateValue = (name: string, at: Location): CompileError =>
  new CompileError({
    code: 'TEXT_DUPLICATE_VALUE',
    message: `'${name}' is defined twice`,
    at: { ...at, value: name },
    hint: 'each value of a graph has a name of its own',
  });
export const textTensor = (message: string, at: Location): CompileError =>
  new CompileError({
    code: 'TEXT_TENSOR',
    message,
    at,
    hint: 'the data of a tensor is one number per element: float[2, 2] w = {1, 2, 3, 4}',
  });
export const textUnsupported = (what: string, at: Location, hint: string): CompileError =>
  new CompileError({ code: 'TEXT_UNSUPPORTED', message: `${what} cannot be read from the textual form`, at, hint });

// ---- rewrite and pass ----

// ---- compile ----
export const noImageInput = (inputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'NO_IMAGE_INPUT',
    message: `the model has no image input: none of its inputs (${inputs.map(describeValue).join(', ') || 'there are none'}) has the four axes [N, C, H, W]`,
    hint: 'if the rank is missing in the file, give the shape: --input-size name:1,3,224,224',
  });
export const inputSizeNeeded = (input: Value, fitting?: string): CompileError =>
  new CompileError({
    code: 'INPUT_SIZE_NEEDED',
    message: `input '${input.name}' is ${describeValue(input)}: the file does not say which height and width the network was made for`,
    at: { value: input.name },
    hint: `give the size it was trained at: --input-size 224x224${fitting ? ` (${fitting})` : ''}`,
  });
export const unknownInput = (name: string, inputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'UNKNOWN_INPUT',
    message: `the model has no input '${name}'`,
    hint: `its inputs are ${inputs.map(describeValue).join(', ')}`,
  });
export const inputSizeConflict = (input: Value, wanted: readonly number[]): CompileError =>
  new CompileError({
    code: 'INPUT_SIZE_CONFLICT',
    message: `--input-size says [${wanted.join(', ')}], but input ${describeValue(input)} is fixed in the file`,
    at: { value: input.name },
    hint: 'leave --input-size away, or export the model at that size',
  });
export const unknownOutput = (name: string, outputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'UNKNOWN_OUTPUT',
    message: `the model has no output '${name}'`,
    hint: `its outputs are ${outputs.map(describeValue).join(', ')}`,
  });
export const unknownPass = (name: string, known: readonly string[]): CompileError =>
  new CompileError({ code: 'UNKNOWN_PASS', message: `there is no pass '${name}'`, hint: `the passes are ${known.join(', ')}` });
export const nothingToConvert = (outputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'NOTHING_TO_CONVERT',
    message: `the model has no classifier to convert: its output ${outputs.map(describeValue).join(', ')} already has rows and columns`,
    hint: 'it is fully convolutional as it stands; `inspect` shows its layers',
  });
export const notConvertible = (output: Value, reasons: readonly string[], at: Location): CompileError =>
  new CompileError({
    code: 'NOT_CONVERTIBLE',
    message: `output '${output.name}' cannot become a map: ${reasons[0] ?? 'no rule applies to the operators in front of it'}`,
    at,
    notes: reasons.slice(1),
    hint: 'run with --dry-run --remarks to see every rule that looked at the graph and which condition failed',
  });

/** `name [N, 3, 224, 224]`. */
const describeValue = (value: Value): string =>
  `'${value.name}' [${value.type?.shape?.map((dim) => dim ?? '?').join(', ') ?? 'rank unknown'}]`;

// ---- verify ----

// ---- cli ----
export const usage = (message: string, command?: string): CompileError =>
  new CompileError({ code: 'USAGE', message, hint: `see 'convolutionize ${command ? `${command} ` : ''}--help'` });
export const badOption = (option: string, value: string, expected: string): CompileError =>
  new CompileError({ code: 'BAD_OPTION', message: `--${option} cannot be '${value}'`, hint: `expected ${expected}` });
export const outputExists = (path: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_EXISTS',
    message: 'the output exists already',
    at: { file: path },
    hint: 'choose another name with -o, or replace it with --force',
  });
export const outputIsInput = (path: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_IS_INPUT',
    message: 'the output is the input, which is never changed',
    at: { file: path },
    hint: 'choose another name with -o',
  });
export const outputIsDirectory = (path: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_IS_DIRECTORY',
    message: 'the output is a directory',
    at: { file: path },
    hint: 'name a file: -o model-fcn.onnx',
  });
export const outputDirectoryMissing = (path: string, directory: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_DIRECTORY_MISSING',
    message: `there is no directory '${directory}'`,
    at: { file: path },
    hint: 'create it, or choose another place with -o',
  });
export const outputNotWritable = (path: string, cause: unknown): CompileError =>
  new CompileError(
    {
      code: 'OUTPUT_NOT_WRITABLE',
      message: `the output cannot be written: ${cause instanceof Error ? cause.message : cause}`,
      at: { file: path },
      hint: 'see to the permissions of the directory, or choose another place with -o',
    },
    { cause },
  );
