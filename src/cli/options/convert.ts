/** Options of `convert`. */
import { recordOptions } from '../picture-metadata';
import { tfjsOptions } from '../tfjs-options';
import type { CommandSpec, OptionTable } from './option';
import { inputSize, outputsOption, passOptions, symlinks, tolerance } from './shared';

const output = {
  output: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: 'File to write, or folder with --to tfjs (default: INPUT with -fcn in its name)',
  },
  to: {
    choices: ['onnx', 'tfjs'] as const,
    default: 'onnx' as const,
    describe: 'Write an ONNX file, or a folder with a TensorFlow.js graph model',
  },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace the output if it exists' },
  'dry-run': { type: 'boolean', default: false, describe: 'Report what would be rewritten, without writing anything' },
  'external-data': { type: 'boolean', default: false, describe: 'Write weights to a separate file, OUTPUT.data' },
  weights: {
    choices: ['copy', 'reference'] as const,
    default: 'copy' as const,
    describe:
      'copy: write all weights, but leave those in files beside OUTPUT there; reference: leave unchanged weights in INPUT and point to them',
  },
  opset: {
    type: 'string',
    requiresArg: true,
    value: 'N',
    describe: "Version of ONNX's operator set to write (default: the input's, or the oldest that will do)",
  },
  certificate: {
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: "Record the conversion and the hashes of both files here, for 'verify --certificate'",
  },
} as const satisfies OptionTable;

export const headOption = {
  head: {
    choices: ['window', 'cell', 'image', 'original'] as const,
    default: 'window' as const,
    describe:
      'What one prediction covers: a window of the original size, a cell of the last feature map, or the whole image; original: keep the classifier, only optimise',
  },
} as const satisfies OptionTable;

export const slideOption = {
  slide: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'AXES',
    describe:
      'Slide along these axes of the image only: names (height,width; time; depth) or places among the axes of the input (2). Default: every axis that can',
  },
} as const satisfies OptionTable;

const conversion = {
  ...headOption,
  ...slideOption,
  stride: {
    type: 'string',
    requiresArg: true,
    value: 'PIXELS',
    describe: "Output stride in pixels, or one per axis (2x8x8); must divide the network's own stride (smaller = finer map)",
  },
  dense: {
    choices: ['atrous', 'shift'] as const,
    describe: 'How --stride refines the map: dilated layers (atrous, default), or shifted copies for runtimes without dilated pools',
  },
  ...inputSize,
  ...outputsOption,
  ...passOptions,
  ...symlinks,
} as const satisfies OptionTable;

const verification = {
  'no-verify': { type: 'boolean', default: false, describe: 'Do not run and compare both models' },
  'allow-unverified': {
    type: 'boolean',
    default: false,
    describe: 'Keep an output that could not be verified beyond the original size, and exit with 0',
  },
  'keep-failed': { type: 'boolean', default: false, describe: 'Keep an output that is not equivalent' },
  ...tolerance,
} as const satisfies OptionTable;

const looking = {
  remarks: { type: 'boolean', default: false, describe: 'List every place that a rule examined, and why it was left alone' },
  explain: {
    type: 'string',
    requiresArg: true,
    value: 'NODE',
    describe: 'Show which rules examined this node and which condition failed; writes nothing',
  },
  'list-passes': { alias: 'l', type: 'boolean', default: false, describe: 'List the passes and stop' },
  'dump-dir': {
    type: 'string',
    requiresArg: true,
    value: 'FOLDER',
    completes: 'folder',
    describe: 'Write the model as text after each pass that changed it; each text is a model that runs',
  },
  'print-ir-after': {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'NAMES',
    describe: "Print the model after these passes, or after 'all', to stderr",
  },
} as const satisfies OptionTable;

const form = {
  'fix-size': {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'SIZE',
    describe: 'Make the converted model for images of this size alone, all shapes constant: 512x512, 16000, 16x112x112',
  },
  batch: {
    type: 'string',
    requiresArg: true,
    value: 'N',
    describe: 'Images that the model takes at once, as a constant (default with --fix-size: 1, if the model leaves it open)',
  },
  softmax: { type: 'boolean', default: false, describe: 'End in a softmax over the classes of each cell' },
  upsample: {
    choices: ['bilinear', 'centres'] as const,
    describe:
      "End in a map as large as the image: bilinear stretches the map to the image's size; centres puts each cell at the middle of its window",
  },
  argmax: { type: 'boolean', default: false, describe: 'End in the index of the best class of each cell, or pixel with --upsample' },
  float32: {
    type: 'boolean',
    default: false,
    describe: 'First make a network in bfloat16, float64 or float16 one in float32, without a Cast',
  },
  fp16: {
    type: 'boolean',
    default: false,
    describe: 'Weights and values in float16; inputs, outputs, and whatever float16 cannot hold stay in float32',
  },
  'fp16-ends': { type: 'boolean', default: false, describe: 'The same, with inputs and outputs of the model in float16 too' },
  inputs: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'FILES',
    completes: 'file',
    describe:
      'Inputs on which --fp16 measures the ranges of values, instead of random ones: .npy, .npz, .pb, pictures, or a folder; repeatable',
  },
} as const satisfies OptionTable;

export const convertOptions = { ...output, ...conversion, ...form, ...verification, ...tfjsOptions, ...recordOptions, ...looking };

export const convertSpec: CommandSpec = {
  name: 'convert',
  summary: 'Make a classifier fully convolutional, and prove that it still computes the same',
  arguments: [
    { name: 'INPUT', describe: 'ONNX file of a classifier; it is not changed' },
    { name: 'OUTPUT', describe: 'Same as --output' },
  ],
  groups: [
    { title: 'Output', options: output },
    { title: 'Conversion', options: conversion },
    { title: 'Form of the model (docs/forms.md)', options: form },
    { title: 'Verification', options: verification },
    { title: 'TensorFlow.js (with --to tfjs)', options: tfjsOptions },
    { title: 'Pictures (recorded in the output, for predict and heatmap)', options: recordOptions },
    { title: 'Looking inside', options: looking },
  ],
  examples: [
    ['convert alexnet.onnx -o alexnet-fcn.onnx', 'Convert, run both models, keep the result if they agree'],
    ['convert alexnet.onnx --stride 8', 'One prediction every 8 pixels instead of every 32'],
    ['convert alexnet.onnx -o web_model --to tfjs', 'The same for TensorFlow.js: model.json and weights'],
    ['convert spectrogram.onnx --slide height', 'Slide along one axis only'],
    ['convert dynamic.onnx --input-size 224x224', 'State the size that the network was trained at'],
    ['convert alexnet.onnx --fix-size 512x512 --batch 1', 'For images of 512x512 alone, as accelerators ask for'],
    ['convert alexnet.onnx --dry-run --remarks', 'See what would be rewritten, and what would not'],
    ['convert alexnet.onnx --explain /fc/Gemm', 'See which rules examined a node, and why they left it alone'],
  ],
};
