/**
 * Every error a user can meet: its code, its message and its hint, one function each.
 * Sections follow the folders of src/. docs/diagnostics.md is generated from here.
 */
import type { Dim, Node, Value } from '../ir/types';
import { CompileError, type Diagnostic, type Location } from './compile-error';

/** Location of a node, for a diagnostic. */
export const locate = (node: Node): Location => ({ node: node.name, op: node.op, origin: node.origin });
/** Location of a value, for a diagnostic. */
export const locateValue = (value: Value): Location => ({ value: value.name, ...(value.producer ? locate(value.producer) : {}) });

// ---- ir ----
export const cyclicGraph = (names: readonly string[]): CompileError =>
  new CompileError({
    code: 'CYCLIC_GRAPH',
    message: `the graph has a cycle: ${names.join(' -> ')}`,
    at: { node: names[0] },
    hint: 'an ONNX graph must be acyclic; export the model again',
  });

export const shapeMismatch = (node: Node, what: string): CompileError =>
  new CompileError({
    code: 'SHAPE_MISMATCH',
    message: `the shapes at ${node.op} '${node.name}' contradict each other: ${what}`,
    at: locate(node),
    notes: node.inputs.flatMap((input) => (input ? [`it reads ${describeValue(input)}`] : [])),
    hint: 'the model is damaged, or --input-size is not the size that it was made for',
  });

export const expandsTooFar = (what: string, limit: string, at: Location): CompileError =>
  new CompileError({
    code: 'EXPANDS_TOO_FAR',
    message: `the model expands too far: ${what}; ${limit}`,
    at,
    hint: 'a file that expands like this is damaged or hostile; if it is meant to be, raise all limits with CONVOLUTIONIZE_LIMITS=10 (ten times)',
  });

// ---- onnx ----
const inFile = (file: string, offset?: number): Location => ({ file, ...(offset !== undefined && { offset }) });
export const malformed = (file: string, offset: number, what: string): CompileError =>
  new CompileError({
    code: 'MALFORMED_MODEL',
    message: `not a readable ONNX model: ${what}`,
    at: inFile(file, offset),
    hint: 'the file is damaged or cut short; copy or export it again',
  });
export const notOnnx = (file: string, what: string, hint = 'give an .onnx file'): CompileError =>
  new CompileError({ code: 'NOT_ONNX', message: `not an ONNX model: ${what}`, at: inFile(file), hint });
export const twoGraphs = (file: string, offset: number): CompileError =>
  new CompileError({
    code: 'TWO_GRAPHS',
    message: 'the model has two graphs',
    at: inFile(file, offset),
    hint: 'an ONNX file holds one graph; the file was joined or damaged',
  });
export const twoPayloads = (file: string, offset: number): CompileError =>
  new CompileError({
    code: 'TWO_PAYLOADS',
    message: 'a tensor has data in two fields',
    at: inFile(file, offset),
    hint: 'one of them would be lost; export the model again',
  });
export const metadataTooLarge = (file: string, limit: number): CompileError =>
  new CompileError({
    code: 'METADATA_TOO_LARGE',
    message: `the model without its weights is larger than ${limit} bytes`,
    at: inFile(file),
    hint: 'such a file is damaged, or not meant to be a classifier',
  });
export const badModel = (file: string, what: string, hint = 'export the model again, or check it with onnx.checker'): CompileError =>
  new CompileError({ code: 'BAD_MODEL', message: what, at: inFile(file), hint });
export const badGraph = (what: string, at: Location, hint = 'the model breaks a rule of ONNX; export it again'): CompileError =>
  new CompileError({ code: 'BAD_GRAPH', message: what, at, hint });
export const badTensor = (name: string, what: string, file?: string): CompileError =>
  new CompileError({
    code: 'BAD_TENSOR',
    message: `tensor '${name}': ${what}`,
    at: { value: name, ...(file !== undefined && { file }) },
    hint: 'the weights and their description disagree; export the model again',
  });
export const badExternalData = (
  name: string,
  what: string,
  hint = 'external data must be a plain file in the directory of the model or below it',
): CompileError =>
  new CompileError({ code: 'BAD_EXTERNAL_DATA', message: `external data of tensor '${name}': ${what}`, at: { value: name }, hint });
export const badFunction = (name: string, what: string): CompileError =>
  new CompileError({
    code: 'BAD_FUNCTION',
    message: `local function '${name}' ${what}`,
    at: { op: name },
    hint: 'export the model without local functions',
  });
export const outputTooLarge = (bytes: number): CompileError =>
  new CompileError({
    code: 'OUTPUT_TOO_LARGE',
    message: `output would be ${bytes} bytes; ONNX files are limited to 2147483647 bytes`,
    hint: 'use --external-data',
  });

// ---- node (files) ----
export const cannotRead = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'CANNOT_READ',
    message: `cannot read the file: ${reason}`,
    at: inFile(file),
    hint: 'check the path and the permissions',
  });
export const inputChanged = (file: string): CompileError =>
  new CompileError({
    code: 'INPUT_CHANGED',
    message: 'the input changed while it was read',
    at: inFile(file),
    hint: 'wait until the program that writes it has finished, and run again',
  });
export const directoryNotEmpty = (path: string): CompileError =>
  new CompileError({
    code: 'DIRECTORY_NOT_EMPTY',
    message: 'the directory is not empty',
    at: inFile(path),
    hint: 'choose a new one, or use --force, which replaces what an earlier run wrote there and leaves the rest alone',
  });
export const cannotWrite = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'CANNOT_WRITE',
    message: `cannot write the file: ${reason}`,
    at: inFile(file),
    hint: 'nothing was written; check the directory, its permissions and the space left',
  });

/** What is printed is lost; files that the command has written before are whole. */
export const cannotPrint = (reason: string): CompileError =>
  new CompileError({
    code: 'CANNOT_PRINT',
    message: `cannot write to the standard output: ${reason}`,
    at: inFile('standard output'),
    hint: 'what is printed is cut short, files named by -o and other options are complete or unchanged; check the space left where the output goes',
  });

/** Error for a failed system call, wherever it happened: a name that is too long, a full disk. undefined: not an error of the system. */
export function systemFault(error: unknown): CompileError | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error && 'message' in error)) return undefined;
  const message = String(error.message);
  if (error.code === 'ERR_INVALID_ARG_VALUE' && message.includes('null bytes'))
    return cannotRead('input', 'its name has a character with the number 0');
  if (!('syscall' in error)) return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  const isWrite =
    /^(write|fsync|ftruncate|mkdir|rename|unlink|rmdir|link|symlink|copyfile|chmod)/.test(String(error.syscall)) || error.code === 'ENOSPC';
  const shown = path !== undefined && path.length > 300 ? `${path.slice(0, 300)}...` : path;
  const reason = path === undefined ? message : message.replaceAll(path, shown ?? '');
  return isWrite ? cannotWrite(shown ?? 'output', reason) : cannotRead(shown ?? 'input', reason);
}

export const missingOpset = (node: Node): CompileError =>
  new CompileError({
    code: 'MISSING_OPSET',
    message: `the model uses operator '${node.op}', but does not say from which version of ONNX's operator set`,
    at: locate(node),
    hint: 'the file is incomplete (no opset_import); export the model again',
  });
export const twoOpsets = (own: number, alias: number): CompileError =>
  new CompileError({
    code: 'TWO_OPSETS',
    message: `the model imports ONNX's operator set twice: version ${own} as '', version ${alias} as 'ai.onnx'`,
    hint: 'both names mean the same set; export the model again, or remove one of them',
  });
export const operatorTooOld = (nodes: readonly Node[], opset: number): CompileError =>
  new CompileError({
    code: 'OPERATOR_TOO_OLD',
    message: `opset ${opset} is older than what can be run today, and ${nodes.map((node) => `'${node.name}' (${node.opType})`).join(', ')} have no equivalent in a newer one`,
    at: nodes[0] && locate(nodes[0]),
    hint: 'export the model again with opset 7 or later',
  });
export const opsetConflict = (
  stuck: readonly Node[],
  demands: readonly { readonly node: string; readonly op: string; readonly opset: number; readonly reason: string }[],
  opset: number,
): CompileError =>
  new CompileError({
    code: 'OPSET_CONFLICT',
    message: `no version of ONNX's operator set can express the whole model: ${stuck.map((node) => `'${node.name}' (${node.opType})`).join(', ')} means something else in opset ${opset}`,
    at: stuck[0] && locate(stuck[0]),
    hint: 'export the model again with a newer opset',
    notes: demands.map((demand) => `'${demand.node}' (${demand.op}) needs opset ${demand.opset}: ${demand.reason}`),
  });

export const opsetOutOfRange = (opset: number, oldest: number, newest: number): CompileError =>
  new CompileError({
    code: 'OPSET_OUT_OF_RANGE',
    message: `opset ${opset} cannot be written`,
    hint: `opsets ${oldest} to ${newest} can`,
  });
export const opsetTooOld = (
  opset: number,
  demands: readonly { readonly node: string; readonly op: string; readonly opset: number; readonly reason: string }[],
): CompileError =>
  new CompileError({
    code: 'OPSET_TOO_OLD',
    message: `the converted model cannot be written in opset ${opset}: ${demands.map(({ node, op }) => `${op} '${node}'`).join(', ')}`,
    at: demands[0] && { node: demands[0].node, op: demands[0].op },
    notes: demands.map(({ node, op, opset: needed, reason }) => `${op} '${node}' needs opset ${needed}: ${reason}`),
    hint: `opset ${Math.max(...demands.map((demand) => demand.opset))} or later can express all of them`,
  });

// ---- onnx/text ----
export const textSyntax = (message: string, at: Location): CompileError =>
  new CompileError({ code: 'TEXT_SYNTAX', message, at, hint: 'the syntax is described in docs/Syntax.md of the onnx project' });
export const textUndefinedValue = (name: string, at: Location): CompileError =>
  new CompileError({
    code: 'TEXT_UNDEFINED_VALUE',
    message: `'${name}' is read before anything defines it`,
    at: { ...at, value: name },
    hint: 'a node comes after the nodes that it reads; a constant needs its data: float[2] w = {1, 2}',
  });
export const textDuplicateValue = (name: string, at: Location): CompileError =>
  new CompileError({
    code: 'TEXT_DUPLICATE_VALUE',
    message: `'${name}' is defined twice`,
    at: { ...at, value: name },
    hint: 'names of values must be unique',
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

// ---- warnings ----
const warning = (diagnostic: Diagnostic): Diagnostic => diagnostic;
export const newerIr = (version: number, newest: number, file: string): Diagnostic =>
  warning({
    code: 'NEWER_IR',
    message: `IR version ${version} is newer than ${newest}, the newest known here`,
    at: inFile(file),
    hint: 'the model is read as if it were of that version; what is new in it may be refused',
  });
export const newerOpset = (opset: number, newest: number, file: string): Diagnostic =>
  warning({
    code: 'NEWER_OPSET',
    message: `opset ${opset} is newer than ${newest}, the newest known here`,
    at: inFile(file),
    hint: 'operators are read as in that version; compare the converted model with care',
  });
export const weightsMissing = (file: string, location: string, tensors: readonly string[]): Diagnostic =>
  warning({
    code: 'WEIGHTS_MISSING',
    message: `'${location}', which holds ${tensors.length} of the weights, is not beside the model or is too short: ${tensors.slice(0, 8).join(', ')}${tensors.length > 8 ? ', ...' : ''}`,
    at: inFile(file),
    hint: 'layers, shapes and costs do not need it; to run or convert the model, copy it along',
  });
export const oldOpset = (own: number, runAs: number | undefined, file: string | undefined): Diagnostic =>
  warning({
    code: 'OLD_OPSET',
    message: `ONNX Runtime has no operators of opset ${own}: the original is run as opset ${runAs} spells it`,
    at: file === undefined ? {} : inFile(file),
    hint: 'export the model with opset 7 or later to compare with the file itself',
  });
export const readAsMeant = (file: string | undefined): Diagnostic =>
  warning({
    code: 'READ_AS_MEANT',
    message:
      'ONNX Runtime does not take the file as it is (an input of length 0, two nodes of one name, or an empty input at the end): the original is run as it was read',
    at: file === undefined ? {} : inFile(file),
    hint: 'export the model again to compare with the file itself',
  });
export const repeatedOutput = (name: string): Diagnostic =>
  warning({
    code: 'REPEATED_OUTPUT',
    message: `'${name}' is listed twice among the outputs, and is read as one output`,
    at: { value: name },
    hint: 'the converted model lists it once',
  });
export const unknownExternalKey = (name: string, key: string): Diagnostic =>
  warning({
    code: 'UNKNOWN_EXTERNAL_KEY',
    message: `external data of '${name}' has the unknown key '${key}', which is not carried over`,
    at: { value: name },
    hint: 'the keys are location, offset, length and checksum',
  });

// ---- rewrite and pass ----

// ---- compile ----
export const noImageInput = (inputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'NO_IMAGE_INPUT',
    message: `the model has no image input: none of its inputs (${inputs.map(describeValue).join(', ') || 'there are none'}) has the axes of an image [N, C, H, W], a signal [N, C, T] or a volume [N, C, D, H, W]`,
    hint: inputs.some(({ type }) => [3, 5].includes(type?.shape?.length ?? 0))
      ? 'an input of three or five axes is an image if a convolution, a pool or a norm reads it directly; behind a Reshape it is not known which axis is which'
      : 'if the rank is missing in the file, give the shape: --input-size name:1,3,224,224',
  });
export const inputSizeNeeded = (input: Value, axes: readonly string[], fitting?: string): CompileError =>
  new CompileError({
    code: 'INPUT_SIZE_NEEDED',
    message: `input '${input.name}' is ${describeValue(input)}: the file does not say which ${listed(axes)} the network was made for`,
    at: { value: input.name },
    hint: `give the size it was trained at: --input-size ${EXAMPLE_SIZES[axes.length] ?? '224x224'}${fitting ? ` (${fitting})` : ''}`,
  });
const EXAMPLE_SIZES: Readonly<Record<number, string>> = { 1: '16000', 3: '16x112x112' };
/** `the axes height and width`, `one axis, time`. */
export const axesText = (axes: readonly string[]): string => `${axes.length === 1 ? 'one axis,' : 'the axes'} ${listed(axes)}`;
const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
export const wrongAxes = (input: Value, axes: readonly string[], lengths: readonly number[], option = 'input-size'): CompileError =>
  new CompileError({
    code: 'WRONG_AXES',
    message: `--${option} ${lengths.join('x')} has ${lengths.length} lengths, but input ${describeValue(input)} has ${axesText(axes)}`,
    at: { value: input.name },
    hint: `give one length for each of its spatial axes, or its whole shape: --${option} ${input.name}:1,3,...`,
  });
export const unknownInput = (name: string, inputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'UNKNOWN_INPUT',
    message: `the model has no input '${name}'`,
    hint: `its inputs are ${inputs.map(describeValue).join(', ')}`,
  });
export const inputSizeConflict = (input: Value, wanted: readonly Dim[], option = 'input-size'): CompileError =>
  new CompileError({
    code: 'INPUT_SIZE_CONFLICT',
    message: `--${option} says [${wanted.map((dim) => dim ?? '?').join(', ')}], but input ${describeValue(input)} is fixed in the file`,
    at: { value: input.name },
    hint: `omit --${option}, or export the model at that size`,
  });
export const unknownOutput = (name: string, outputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'UNKNOWN_OUTPUT',
    message: `the model has no output '${name}'`,
    hint: `its outputs are ${outputs.map(describeValue).join(', ')}`,
  });
export const unknownPass = (name: string, known: readonly string[]): CompileError =>
  new CompileError({ code: 'UNKNOWN_PASS', message: `there is no pass '${name}'`, hint: `the passes are ${known.join(', ')}` });
export const unknownNode = (name: string, similar: readonly string[]): CompileError =>
  new CompileError({
    code: 'UNKNOWN_NODE',
    message: `the model has no node '${name}'`,
    hint:
      similar.length > 0
        ? `did you mean ${similar.map((other) => `'${other}'`).join(' or ')}?`
        : '`inspect --format text` shows the names of all nodes',
  });
export const nothingToConvert = (outputs: readonly Value[]): CompileError =>
  new CompileError({
    code: 'NOTHING_TO_CONVERT',
    message: `the model has no classifier to convert: its output ${outputs.map(describeValue).join(', ')} already has rows and columns`,
    hint: 'it is fully convolutional as it stands; `inspect` shows its layers',
  });
interface CannotSlideDetails {
  readonly trunkSlides?: boolean;
  readonly passesLeftOut?: boolean;
  /** True if the only objection to the node is that nothing is known about it. */
  readonly isUnknown?: boolean;
}
export const cannotSlide = (
  node: Node,
  reasons: readonly string[],
  { trunkSlides = false, passesLeftOut = false, isUnknown = false }: CannotSlideDetails = {},
): CompileError =>
  new CompileError({
    code: 'CANNOT_SLIDE',
    message: `this network cannot slide over a larger image: ${reasons[0]}`,
    at: locate(node),
    notes: [
      ...(reasons.length > 1
        ? [`and ${reasons.length - 1} more nodes: ${reasons.slice(1, 4).join('; ')}${reasons.length > 4 ? ' ...' : ''}`]
        : []),
      ...(trunkSlides ? ['the trunk in front of it is convolutional: only the head is tied to the training size'] : []),
    ],
    hint: passesLeftOut
      ? 'some passes were left out (--passes, --skip), and one of them may be the one that it takes'
      : isUnknown
        ? 'its behaviour on a larger image is not known: write it with other operators, cut it off (--outputs), or slide the network over crops instead'
        : 'it depends on absolute positions, so it works only at the size that it was trained for; slide it over crops instead',
  });
export const strideNotDivisor = (strides: readonly number[], divisors: readonly (readonly number[])[], unit: string): CompileError => {
  // One number for all axes if they have the same divisors.
  const [first = [], ...others] = divisors;
  const common = first.filter((divisor) => others.every((list) => list.includes(divisor)));
  const isOne = strides.every((stride) => stride === strides[0]);
  return new CompileError({
    code: 'STRIDE_NOT_DIVISOR',
    message: `the map cannot have a cell every ${isOne ? strides[0] : strides.join('x')} ${unit}`,
    hint: isOne
      ? `expected a divisor of its stride: ${common.join(', ')}`
      : `expected divisors of its strides: ${divisors.map((list) => list.join(', ')).join('; ')}`,
  });
};
/** A spatial axis of an image: its name, and its position among the axes of the input. */
export interface ImageAxis {
  readonly name: string;
  readonly index: number;
}
/** Note for the refusal of a network that was asked to slide along an axis along which it cannot. */
export const slideNote = (wanted: readonly string[], axes: readonly ImageAxis[]): string =>
  `--slide asks for ${listed(wanted)}; the image has the axes ${listed(axes.map(({ name, index }) => `${name} (${index})`))}`;
export const unknownAxis = (wanted: string, input: Value, axes: readonly ImageAxis[], possible: readonly string[]): CompileError =>
  new CompileError({
    code: 'UNKNOWN_AXIS',
    message: `--slide names '${wanted}', which is not a spatial axis of input ${describeValue(input)}`,
    at: { value: input.name },
    notes: possible.length > 1 ? [`it could slide along ${listed(possible)}`] : [],
    hint: `name one of ${listed(axes.map(({ name, index }) => `${name} (${index})`))}, or its place among the axes of the input`,
  });
export const strideOfOtherAxes = (strides: readonly number[], axes: readonly string[]): CompileError =>
  new CompileError({
    code: 'STRIDE_OF_OTHER_AXES',
    message: `--stride ${strides.join('x')} has ${strides.length} numbers, but the image has ${axesText(axes)}`,
    hint: `give one number for all axes, or one for each: --stride ${axes.map(() => 8).join('x')}`,
  });
export const sizeNotTaken = (input: string, wanted: string, taken: string, nearest: readonly string[]): CompileError =>
  new CompileError({
    code: 'SIZE_NOT_TAKEN',
    message: `input '${input}' does not take ${wanted}: it takes ${taken}`,
    at: { value: input },
    hint: `nearest: --fix-size ${nearest.join(' or ')}`,
  });
export const endNotFor = (output: Value, reason: string): CompileError =>
  new CompileError({
    code: 'END_NOT_FOR',
    message: `nothing of the kind can be made of output ${describeValue(output)}: ${reason}`,
    at: locateValue(output),
    hint: '--softmax, --upsample and --argmax are for scores of classes; --outputs keeps those that have some',
  });
export const formedAlready = (form: string): CompileError =>
  new CompileError({
    code: 'FORMED_ALREADY',
    message: `the model was made for ${form} alone, by an earlier conversion`,
    hint: 'convert the file that it was made from',
  });
export const nothingInHalf = (first: { readonly node: string; readonly op: string; readonly text: string } | undefined): CompileError =>
  new CompileError({
    code: 'NOTHING_IN_HALF',
    message: `--fp16 finds no node that could compute in float16${first ? `; ${first.op} '${first.node}', for one: ${first.text}` : ': the model has no float32 layers'}`,
    ...(first && { at: { node: first.node, op: first.op } }),
    hint: 'it is for float32 networks: convert integer networks and those in half precision without it, others with --float32 first',
  });
export const sizeNotFixed = (value: Value): CompileError =>
  new CompileError({
    code: 'SIZE_NOT_FIXED',
    message: `the size of ${describeValue(value)} is not known from the sizes of the inputs`,
    at: locateValue(value),
    hint: 'its node computes sizes from numbers of the image, or is an operator of another domain: omit --fix-size, or export the model without it',
  });
export const batchFixed = (input: Value, own: number, wanted: number): CompileError =>
  new CompileError({
    code: 'BATCH_FIXED',
    message: `--batch says ${wanted}, but input ${describeValue(input)} takes ${own} at once`,
    at: { value: input.name },
    hint: `omit --batch, or export the model with a batch of ${wanted} or an open one`,
  });
export const strideNotFor = (head: string): CompileError =>
  new CompileError({
    code: 'STRIDE_WITHOUT_MAP',
    message: `--head ${head} gives no map that could be finer`,
    hint: 'use --stride with --head window or cell',
  });
export const cannotRefine = (at: Location, reason: string): CompileError =>
  new CompileError({
    code: 'CANNOT_REFINE',
    message: `the map cannot be made finer: ${reason}`,
    at,
    hint: 'omit --stride, or ask for a stride that leaves this node as it is',
  });
export const inTraining = (node: Node, effect: string): CompileError =>
  new CompileError({
    code: 'IN_TRAINING_MODE',
    message: `the model was exported in training mode: ${node.op} '${node.name}' ${effect}`,
    at: locate(node),
    hint: 'call model.eval() before torch.onnx.export (and omit its argument training), and export again',
  });
export const notConvertible = (
  output: Value,
  reasons: readonly string[],
  at: Location,
  { passesLeftOut = false, otherHeads = false }: { readonly passesLeftOut?: boolean; readonly otherHeads?: boolean } = {},
): CompileError =>
  new CompileError({
    code: 'NOT_CONVERTIBLE',
    message: `output '${output.name}' cannot become a map: ${reasons[0] ?? 'no rule applies to the operators in front of it'}`,
    at,
    notes: reasons.slice(1),
    hint: passesLeftOut
      ? 'some passes were left out (--passes, --skip), and one of them may be the one that it takes'
      : otherHeads
        ? 'this network converts with --head window and --head image'
        : 'run with --dry-run --remarks to see every rule that looked at the graph and which condition failed',
  });

/** `name [N, 3, 224, 224]`. */
const describeValue = (value: Value): string =>
  `'${value.name}' [${value.type?.shape?.map((dim) => dim ?? '?').join(', ') ?? 'rank unknown'}]`;

// ---- tfjs ----
export const unsupportedOperators = (problems: readonly { readonly node: Node; readonly reason: string | undefined }[]): CompileError =>
  new CompileError({
    code: 'UNSUPPORTED_OPERATORS',
    message: `TensorFlow.js has no counterpart for ${[...new Set(problems.map(({ node }) => onnxName(node)))].join(', ')}`,
    at: problems[0] && locate(problems[0].node),
    notes: problems.map(({ node, reason }) => `${onnxName(node)} '${node.name}'${reason === undefined ? '' : `: ${reason}`}`),
    hint: 'docs/tfjs.md lists the operators that can be written; nothing was written',
  });
export const unsupportedType = (value: Value): CompileError =>
  new CompileError({
    code: 'UNSUPPORTED_TYPE',
    message: `input '${value.name}' is of element type ${value.type?.dtype ?? 'unknown'}, which TensorFlow.js does not have`,
    at: { value: value.name },
    hint: 'its types are float32, int32 and bool; export the model with one of them',
  });
export const noWeightMatches = (type: string, pattern: string, names: readonly string[]): CompileError =>
  new CompileError({
    code: 'NO_WEIGHT_MATCHES',
    message: `no weight that can be stored as ${type} is named '${pattern}'`,
    hint: "'*' stands for any characters; nothing was written",
    notes: [`there are ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`],
  });
/** Name of the operator in ONNX: by then, operators over maps are in the compiler's own domain. */
const onnxName = (node: Node): string => node.op.replace(/^nhwc\./, '');

// ---- verify ----
export const runtimeFailed = (model: string, file: string | undefined, doing: string, reason: string): CompileError =>
  new CompileError({
    code: 'RUNTIME_FAILED',
    message: `ONNX Runtime cannot ${doing} ${model}: ${reason}`,
    ...(file !== undefined && { at: { file } }),
    hint: /could not find an implementation/i.test(reason)
      ? 'the runtime has this operator for other element types only: convert --float32 makes bfloat16, float64 and float16 networks float32; --no-verify converts without running it'
      : 'if the original runs elsewhere, report this with the model; --no-verify converts without running it',
  });
export const precisionNotRun = (node: { readonly name: string; readonly op: string }, dtype: string, reason: string): CompileError =>
  new CompileError({
    code: 'PRECISION_NOT_RUN',
    message: `the network computes in ${dtype}, which ONNX Runtime does not have for all of its operators: it cannot be verified`,
    at: { node: node.name, op: node.op },
    notes: [reason],
    hint: '--float32 makes it a float32 network and verifies that; --no-verify converts without running it',
  });
export const runtimeCrashed = (
  model: string,
  file: string | undefined,
  doing: string,
  how: string,
  kept: string | undefined,
): CompileError =>
  new CompileError({
    code: 'RUNTIME_CRASHED',
    message: `ONNX Runtime crashed when it was to ${doing} ${model}: ${how}`,
    at: { file: file ?? kept },
    hint: `the fault is in the runtime${kept === undefined ? '' : ' (the model was kept for a report to it)'}; try the other one with --runtime wasm or --runtime native, or convert with --no-verify, which runs nothing`,
  });
export const runtimeMissing = (choice: string, reason: string): CompileError =>
  new CompileError({
    code: 'RUNTIME_MISSING',
    message: `ONNX Runtime cannot be loaded${choice === 'native' ? ' as native code' : ''}: ${reason}`,
    hint: 'npm install --ignore-scripts onnxruntime-node installs the native one; --runtime wasm needs nothing else',
  });
export const notComparable = (reason: string, hint = 'give the original and what was made from it, in this order'): CompileError =>
  new CompileError({ code: 'NOT_COMPARABLE', message: `the two models cannot be compared: ${reason}`, hint });

// ---- verify (TensorFlow.js) ----
export const notTfjs = (
  file: string,
  what: string,
  hint = 'give the directory that `convert --to tfjs` wrote, or its model.json',
): CompileError =>
  new CompileError({
    code: 'TFJS_NOT_A_MODEL',
    message: `not a TensorFlow.js graph model: the file ${what}`,
    at: inFile(file),
    hint,
  });
export const shardMissing = (file: string, name: string, reason: string): CompileError =>
  new CompileError({
    code: 'TFJS_SHARD_MISSING',
    message: `weights of the TensorFlow.js model cannot be read: ${reason}`,
    at: inFile(file),
    hint: `model.json names '${name}', which must be in the same directory; copy the whole directory`,
  });
export const shardLength = (file: string, paths: readonly string[], held: number, wanted: number): CompileError =>
  new CompileError({
    code: 'TFJS_SHARD_LENGTH',
    message: `the shards hold ${held} bytes, the weights that model.json lists need ${wanted}`,
    at: inFile(file),
    hint: 'a shard is cut short or belongs to another model; copy or convert it again',
    notes: [`the shards are ${paths.join(', ')}`],
  });
export const kernelMissing = (file: string, kernel: string, backend: string): CompileError =>
  new CompileError({
    code: 'TFJS_KERNEL_MISSING',
    message: `TensorFlow.js has no '${kernel}' on its ${backend} backend`,
    at: inFile(file),
    hint: 'a model that this compiler wrote needs no such operator: report it; of others, only what the backend can run can be verified',
  });
export const tfjsFailed = (file: string, doing: string, reason: string): CompileError =>
  new CompileError({
    code: 'TFJS_FAILED',
    message: `TensorFlow.js cannot ${doing} the model: ${reason}`,
    at: inFile(file),
    hint: 'if it was made by this compiler, report this with the model; --no-verify converts without running it',
  });
export const tfjsNodeMissing = (reason: string): CompileError =>
  new CompileError({
    code: 'TFJS_NODE_MISSING',
    message: `@tensorflow/tfjs-node cannot be loaded: ${reason}`,
    hint: 'install it beside this package (npm install @tensorflow/tfjs-node), or use the backend that is there: --tfjs-backend wasm',
  });
const portList = (ports: readonly { readonly name: string; readonly type: Value['type'] }[]): string =>
  ports.map(({ name, type }) => `'${name}' [${type?.shape?.map((dim) => dim ?? '?').join(', ') ?? 'rank unknown'}]`).join(', ') || 'none';
export const cannotMatch = (
  role: 'input' | 'output',
  name: string,
  others: readonly { readonly name: string; readonly type: Value['type'] }[],
): CompileError =>
  new CompileError({
    code: 'CANNOT_MATCH',
    message: `nothing in the other model fits ${role} '${name}'`,
    at: { value: name },
    hint: `say which it is with --map original=converted; the other model has ${portList(others)}`,
  });
export const unknownMapping = (
  name: string,
  side: 'original' | 'converted',
  ports: readonly { readonly name: string; readonly type: Value['type'] }[],
): CompileError =>
  new CompileError({
    code: 'UNKNOWN_MAPPING',
    message: `--map names '${name}', which is not an input or output of the ${side} model`,
    hint: `--map takes original=converted; the ${side} model has ${portList(ports)}`,
  });
export const relationDoesNotFit = (
  output: string,
  expected: readonly number[],
  actual: readonly number[],
  given: string | undefined,
  known: readonly string[],
): CompileError =>
  new CompileError({
    code: 'RELATION_DOES_NOT_FIT',
    message: `output '${output}' has shape [${expected.join(', ')}] in the original and [${actual.join(', ')}] in the other model${given ? `, which is not '${given}'` : ''}`,
    at: { value: output },
    hint: `relations that are known: ${known.join(', ')}; --map says which outputs belong together`,
  });
export const openDimension = (input: string, shape: string): CompileError =>
  new CompileError({
    code: 'OPEN_DIMENSION',
    message: `input '${input}' is [${shape}]: neither model says how large its open dimensions are`,
    at: { value: input },
    hint: 'give the shape with --input-size name:1,3,224,224, or the inputs themselves with --inputs',
  });
export const notATensor = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'NOT_A_TENSOR',
    message: `not a readable TensorProto: ${reason}`,
    at: inFile(file),
    hint: 'expected a file as ONNX test data have them: onnx.numpy_helper.from_array(array, name).SerializeToString()',
  });
export const inputFileUnknown = (file: string): CompileError =>
  new CompileError({
    code: 'INPUT_FILE_UNKNOWN',
    message: 'not a file that can be an input of the model',
    at: inFile(file),
    hint: 'expected .npy, .npz, .pb (TensorProto), .png, .jpg, .webp, .tiff, or a folder of them',
  });
export const inputFileBroken = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'INPUT_FILE_BROKEN',
    message: `the input cannot be read: ${reason}`,
    at: inFile(file),
    hint: 'the file is damaged or of another kind than its name says; save it again',
  });
export const inputShape = (file: string, input: string, shape: readonly number[], wanted: string): CompileError =>
  new CompileError({
    code: 'INPUT_SHAPE',
    message: `shape [${shape.join(', ')}] does not fit input '${input}' [${wanted}]`,
    at: { file, value: input },
    hint: 'the axes must be those of the original model; several samples may stand along the first one',
  });
export const inputDtype = (file: string, input: string, dtype: string, wanted: string): CompileError =>
  new CompileError({
    code: 'INPUT_DTYPE',
    message: `the numbers are ${dtype}, input '${input}' is ${wanted}`,
    at: { file, value: input },
    hint: `save them as ${wanted}: in NumPy array.astype('${wanted === 'float' ? 'float32' : wanted === 'double' ? 'float64' : wanted}')`,
  });
export const inputMissing = (file: string, input: string, found: readonly string[]): CompileError =>
  new CompileError({
    code: 'INPUT_MISSING',
    message: `there is no data for input '${input}'`,
    at: { file, value: input },
    hint: `name it as the original model does; found: ${found.join(', ') || 'nothing'}`,
  });

// ---- pictures ----
export const notAPicture = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'NOT_A_PICTURE',
    message: `the file is not a readable picture: ${reason}`,
    at: inFile(file),
    hint: 'give a JPEG, PNG or WebP file',
  });
export const pictureTooLarge = (
  file: string,
  { width, height, bytes, most }: { readonly width: number; readonly height: number; readonly bytes: number; readonly most: number },
): CompileError =>
  new CompileError({
    code: 'PICTURE_TOO_LARGE',
    message: `the picture has ${width} x ${height} pixels, more than a file of ${bytes.toLocaleString('en')} bytes may hold (${Math.floor(most).toLocaleString('en')})`,
    at: inFile(file),
    hint: 'a file that expands like this is damaged or hostile; if it is meant to be, raise all limits with CONVOLUTIONIZE_LIMITS=10 (ten times)',
  });
export const drawingTooLarge = (boxes: number, limit: number): CompileError =>
  new CompileError({
    code: 'DRAWING_TOO_LARGE',
    message: `the drawing would have ${boxes} boxes; at most ${limit} are laid out`,
    hint: 'open fewer groups (--depth 2, or --depth auto), or use --format dot and lay it out with Graphviz',
  });
export const pictureDamaged = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'PICTURE_DAMAGED',
    message: `the picture is damaged or cut short: ${reason}`,
    at: inFile(file),
    hint: 'copy it again from where it came',
  });
export const levelsUnknown = (file: string, depth: string, low: number, high: number): CompileError =>
  new CompileError({
    code: 'LEVELS_UNKNOWN',
    message: `which numbers of the picture are black and white is not known: its pixels are ${depth}, from ${low} to ${high}`,
    at: inFile(file),
    hint: 'set it with --black and --white (--white 4095 for 12 bits), or with --levels 1%,99%',
  });
export const pageNeeded = (file: string, pages: number): CompileError =>
  new CompileError({
    code: 'PAGE_NEEDED',
    message: `the file has ${pages} pages`,
    at: inFile(file),
    hint: `choose one with --page, 1 to ${pages}`,
  });
export const sharpMissing = (reason: string): CompileError =>
  new CompileError({
    code: 'SHARP_MISSING',
    message: `sharp, which reads and writes pictures, cannot be loaded: ${reason}`,
    hint: 'install it with the part for this platform: npm install --include=optional sharp',
  });
export const pictureIsFolder = (file: string): CompileError =>
  new CompileError({
    code: 'PICTURE_IS_FOLDER',
    message: 'this is a folder, not a picture',
    at: inFile(file),
    hint: 'name one picture; `predict` takes folders as well',
  });
export const noPictures = (folder: string): CompileError =>
  new CompileError({
    code: 'NO_PICTURES',
    message: 'there is no picture in the folder',
    at: inFile(folder),
    hint: 'pictures are files with names in .jpg, .jpeg, .png or .webp; subfolders are not searched',
  });
/** Pictures are given width first. */
const extent = (lengths: readonly number[]): string => (lengths.length === 2 ? [...lengths].reverse() : lengths).join('x');
export const pictureTooSmall = (file: string, size: readonly number[], least: readonly number[], scale: number): CompileError => {
  const [height = 1, width = 1] = least;
  const factor = Math.ceil(100 * Math.max(...size.map((length, axis) => (least[axis] ?? 1) / length))) / 100;
  return new CompileError({
    code: 'PICTURE_TOO_SMALL',
    message: `the picture of ${extent(size)} pixels${scale === 1 ? '' : ` at scale ${scale}`} is smaller than the window of the network, ${extent(least)}`,
    at: inFile(file),
    hint: `the smallest picture is ${Math.ceil(width / scale)} wide and ${Math.ceil(height / scale)} high; enlarge it with --scales ${factor} or more, or pad it with --pad`,
  });
};
export const arrayDamaged = (
  file: string,
  reason: string,
  hint = 'the file is damaged or of another kind than it seems; save it again',
): CompileError => new CompileError({ code: 'ARRAY_DAMAGED', message: `the array cannot be read: ${reason}`, at: inFile(file), hint });
export const arrayTooLarge = (file: string, reason: string, hint: string): CompileError =>
  new CompileError({ code: 'ARRAY_TOO_LARGE', message: `the array is too large: ${reason}`, at: inFile(file), hint });
export const arrayNotFinite = (file: string, value: number, index: readonly number[]): CompileError =>
  new CompileError({
    code: 'ARRAY_NOT_FINITE',
    message: `the array holds ${Number.isNaN(value) ? 'NaN (not a number)' : value > 0 ? 'infinity' : 'minus infinity'} at [${index.join(', ')}]`,
    at: inFile(file),
    hint: 'one such number spoils every prediction that sees it; replace them, in NumPy by numpy.nan_to_num(array)',
  });
export const arrayAxes = (file: string, shape: readonly number[], wanted: string): CompileError =>
  new CompileError({
    code: 'ARRAY_AXES',
    message: `the array is [${shape.join(', ')}], and the model takes ${wanted}`,
    at: inFile(file),
    hint: 'the axes must be those of the model, with or without its batch of one and a single channel; in NumPy: numpy.moveaxis, numpy.squeeze',
  });
export const arrayBands = (file: string, bands: number, channels: number): CompileError =>
  new CompileError({
    code: 'ARRAY_BANDS',
    message: `there ${bands === 1 ? 'is 1 band or channel' : `are ${bands} bands or channels`}, and the model takes ${channels}`,
    at: inFile(file),
    hint:
      bands < channels
        ? 'give a file with all bands that the model was made for; --bands may take one several times: --bands 1,1,1'
        : `choose them with --bands, from 1 in the order in which they are fed: --bands ${Array.from({ length: Math.min(channels, 4) }, (_, at) => at + 1).join(',')}${channels > 4 ? ',...' : ''}${channels === 1 ? ', or take their mean with --bands mean' : ''}`,
  });
export const arrayNeeded = (file: string, names: readonly string[], input: string): CompileError =>
  new CompileError({
    code: 'ARRAY_NEEDED',
    message: `the archive holds ${names.length === 0 ? 'no arrays' : `the arrays ${listed(names.slice(0, 8).map((name) => `'${name}'`))}${names.length > 8 ? ' and others' : ''}`}, and none is called '${input}' as the input of the model`,
    at: inFile(file),
    hint: 'choose one with --array NAME',
  });
export const rateNeeded = (file: string, rate: number): CompileError =>
  new CompileError({
    code: 'RATE_NEEDED',
    message: `the recording has ${rate} samples a second, and which sampling rate the model was made for is not known`,
    at: inFile(file),
    hint: `set it with --rate: recordings of another rate are resampled; --rate ${rate} takes this one as it is`,
  });
export const rateUnfit = (file: string, rate: number, wanted: number): CompileError =>
  new CompileError({
    code: 'RATE_UNFIT',
    message: `the recording has ${rate} samples a second, which cannot become ${wanted}`,
    at: inFile(file),
    hint: 'rates may differ up to 64 times; --rate is the number of samples a second that the model was made for: 16000, 44100',
  });
export const arrayTooSmall = (file: string, axes: readonly string[], lengths: readonly number[], least: readonly number[]): CompileError =>
  new CompileError({
    code: 'ARRAY_TOO_SMALL',
    message: `the array is ${lengths.join('x')} along ${listed(axes)}, smaller than the window of the network, ${least.join('x')}`,
    at: inFile(file),
    hint: 'pad it with zeros (--pad), or give a longer one',
  });
export const arrayUnfit = (
  file: string,
  axes: readonly string[],
  lengths: readonly number[],
  wanted: readonly number[],
  option: string | undefined,
): CompileError =>
  new CompileError({
    code: 'ARRAY_UNFIT',
    message: `the array is ${lengths.join('x')} along ${listed(axes)}, but ${option === undefined ? 'the network takes' : `${option} asks for`} ${wanted.join('x')}`,
    at: inFile(file),
    hint:
      option === undefined
        ? `cut out the middle with --crop ${wanted.join('x')}; or convert the network, which then takes images of any size, or use heatmap to see where`
        : `give ${option} lengths that are not larger than the image`,
  });
export const pictureUnfit = (
  file: string,
  size: { readonly height: number; readonly width: number },
  wanted: { readonly height: number; readonly width: number },
): CompileError =>
  new CompileError({
    code: 'PICTURE_UNFIT',
    message: `after --resize and --crop the picture is ${size.width}x${size.height}, but the network takes ${wanted.width}x${wanted.height}`,
    at: inFile(file),
    hint: `omit --resize and --crop, or end with --crop ${wanted.height}x${wanted.width} (height first) from a picture that is not smaller`,
  });
export const takesNoPicture = (model: string, reason: string): CompileError =>
  new CompileError({
    code: 'TAKES_NO_PICTURE',
    message: `the model cannot be shown a picture: ${reason}`,
    at: inFile(model),
    hint: 'expected one image input with 1 or 3 channels, [N, C, H, W] or [N, H, W, C]; `inspect` shows the inputs',
  });
export const noScores = (model: string, reason: string): CompileError =>
  new CompileError({
    code: 'NO_SCORES',
    message: `the model gives no scores of classes: ${reason}`,
    at: inFile(model),
    hint: 'expected an output [N, classes], or a map [N, classes, rows, columns]; choose another one with --output-name',
  });
export const preprocessingInvalid = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'PREPROCESSING_INVALID',
    message: `how the model wants its pictures cannot be read: ${reason}`,
    at: inFile(file),
    hint: 'set it with --preset, or with --range, --mean, --std and --channels (docs/pictures.md)',
  });
export const labelsInvalid = (file: string, reason: string): CompileError =>
  new CompileError({
    code: 'LABELS_INVALID',
    message: `the names of classes cannot be read: ${reason}`,
    at: inFile(file),
    hint: 'expected one name per line, a JSON array or object from index to name, or a Python dictionary from index to name',
  });
export const labelsDoNotFit = (file: string, labels: number, classes: number): CompileError =>
  new CompileError({
    code: 'LABELS_DO_NOT_FIT',
    message: `there are ${labels} names, but the model has ${classes} classes`,
    at: inFile(file),
    hint: 'give the names that belong to this model, or omit --labels',
  });
export const unknownClass = (name: string, hint: string): CompileError =>
  new CompileError({ code: 'UNKNOWN_CLASS', message: `there is no one class '${name}'`, hint });
export const cannotTile = (size: readonly number[], reason: string, bytes: number): CompileError =>
  new CompileError({
    code: 'CANNOT_TILE',
    message: `an image of ${extent(size)} cannot go through this network in tiles: ${reason}`,
    hint: `--tile none runs it in one piece, which takes about ${bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`}; --scales 0.5 or smaller takes less`,
  });
export const tileTooSmall = (tile: number, least: number): CompileError =>
  new CompileError({
    code: 'TILE_TOO_SMALL',
    message: `tiles of ${tile} pixels are smaller than what one cell of the map looks at`,
    hint: `give --tile ${least} or more, or omit it`,
  });
export const mapTooLarge = (classes: number, cells: number, fitting: number): CompileError =>
  new CompileError({
    code: 'MAP_TOO_LARGE',
    message: `the maps of ${classes} classes with ${cells} cells each do not fit into memory`,
    hint: `choose at most ${Math.max(fitting, 1)} by --class, or fewer cells by --scales or --stride`,
  });

export const mergeIncomplete = (what: string, file: string): CompileError =>
  new CompileError({
    code: 'MERGE_INCOMPLETE',
    message: `the reports are not those of one whole: ${what}`,
    at: inFile(file),
    hint: 'give the report of every part, once: verify --merge part-1.json part-2.json',
  });
export const mergeMixed = (file: string): CompileError =>
  new CompileError({
    code: 'MERGE_MIXED',
    message: 'the reports are parts of different wholes',
    at: inFile(file),
    hint: 'join parts that were made with the same n of --shard i/n',
  });
export const notAReport = (file: string, what: string): CompileError =>
  new CompileError({
    code: 'NOT_A_REPORT',
    message: `not a report of verify: ${what}`,
    at: inFile(file),
    hint: 'expected what verify --reporter json=FILE writes',
  });
export const suiteInvalid = (file: string, what: string, line?: number, column?: number): CompileError =>
  new CompileError({
    code: 'SUITE_INVALID',
    message: `the list of pairs cannot be read: ${what}`,
    at: { file, line, column },
    hint: 'docs/ci.md describes the keys of such a file',
  });

export const notExact = (reason: string, node: Node | undefined): CompileError =>
  new CompileError({
    code: 'NOT_EXACT',
    message: `nothing of these models can be compared on integers: ${reason}`,
    at: node && locate(node),
    hint: 'verify them without --exact',
  });
export const certificateInvalid = (file: string, what: string): CompileError =>
  new CompileError({
    code: 'CERTIFICATE_INVALID',
    message: `not a certificate: ${what}`,
    at: inFile(file),
    hint: 'expected what convert --certificate writes',
  });

// ---- cli ----
export const pluginInvalid = (path: string, reason: string): CompileError =>
  new CompileError({
    code: 'PLUGIN_INVALID',
    message: `the plugin cannot be used: ${reason}`,
    at: { file: path },
    hint: 'a plugin is a JavaScript module that exports a pass; docs/writing-a-pass.md has one to start from',
  });
export const pluginFailed = (path: string, what: string, cause: unknown): CompileError =>
  new CompileError(
    {
      code: 'PLUGIN_FAILED',
      message: `the plugin made a mistake: ${what}`,
      at: { file: path },
      hint: 'with --debug the trace shows where; docs/writing-a-pass.md says what a pass may do',
    },
    { cause },
  );
export const usage = (message: string, command?: string): CompileError =>
  new CompileError({ code: 'USAGE', message, hint: `see 'convolutionize ${command ? `${command} ` : ''}--help'` });
export const configInvalid = (file: string, what: string, line?: number, column?: number): CompileError =>
  new CompileError({
    code: 'CONFIG_INVALID',
    message: `the configuration file cannot be used: ${what}`,
    at: { file, line, column },
    hint: 'docs/config.md describes such a file',
  });
export const badOption = (option: string, value: string, expected: string): CompileError =>
  new CompileError({ code: 'BAD_OPTION', message: `--${option} cannot be '${value}'`, hint: `expected ${expected}` });
export const badVariable = (name: string, value: string, expected: string): CompileError =>
  new CompileError({
    code: 'BAD_VARIABLE',
    message: `the environment variable ${name} cannot be '${value}'`,
    hint: `expected ${expected}`,
  });
export const cannotServe = (port: number, reason: string): CompileError =>
  new CompileError({
    code: 'CANNOT_SERVE',
    message: `port ${port} of this machine cannot be used: ${reason}`,
    hint: 'choose another with --port, or --port 0 for any that is free',
  });
export const outputExists = (path: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_EXISTS',
    message: 'the output exists already',
    at: { file: path },
    hint: 'choose another name, or replace it with --force',
  });
export const outputIsInput = (path: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_IS_INPUT',
    message: 'the output is an input of this run, which is never changed',
    at: { file: path },
    hint: 'choose another name',
  });
export const outputTwice = (path: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_TWICE',
    message: 'two outputs of this run have the same name',
    at: { file: path },
    hint: 'give each output its own file',
  });
export const externalToStream = (path: string): CompileError =>
  new CompileError({
    code: 'EXTERNAL_TO_STREAM',
    message: 'the output is a device or a pipe, beside which no file of weights can be',
    at: { file: path },
    hint: 'omit --external-data, or name a file with -o',
  });
export const outputLinkBroken = (path: string, target: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_LINK_BROKEN',
    message: `the output is a symbolic link to '${target}', which does not exist`,
    at: { file: path },
    hint: 'name the file that is to be written, or remove the link',
  });
export const outputIsDirectory = (path: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_IS_DIRECTORY',
    message: 'the output is a directory',
    at: { file: path },
    hint: 'name a file: -o model-fcn.onnx',
  });
export const outputNotModel = (path: string, reason: string): CompileError =>
  new CompileError({
    code: 'OUTPUT_NOT_MODEL',
    message: `the output cannot be replaced: ${reason}`,
    at: { file: path },
    hint: 'choose another directory with -o, one that is empty or does not exist yet',
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
export const referenceOutside = (input: string, directory: string): CompileError =>
  new CompileError({
    code: 'REFERENCE_OUTSIDE',
    message: `a model in '${directory}' cannot refer to weights outside that directory`,
    at: { file: input },
    hint: 'write the output beside the input or above it, or put the weights into it: convert --weights copy, inspect --weights inline',
  });
