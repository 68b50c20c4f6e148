/** Options of `debug`, `passes`, `playground` and `completion`. */
import { headOption, slideOption } from './convert';
import type { CommandSpec, OptionTable } from './option';
import { inputSize, outputsOption, passOptions, symlinks, tolerance } from './shared';

const output = {
  output: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    value: 'FOLDER',
    completes: 'folder',
    describe: 'Folder to write: for bisect, the model before and after the step; for reduce, the small case (default: reduced)',
  },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace what an earlier run wrote into that folder' },
} as const satisfies OptionTable;

const conversion = {
  ...headOption,
  ...slideOption,
  ...inputSize,
  ...outputsOption,
  ...passOptions,
  ...symlinks,
} as const satisfies OptionTable;

export const debugOptions = { ...output, ...conversion, ...tolerance };

export const debugSpec: CommandSpec = {
  name: 'debug',
  summary: 'Find the rewrite that makes a conversion wrong, or the smallest network that shows it',
  arguments: [
    {
      name: 'WHAT',
      required: true,
      choices: ['bisect', 'reduce'],
      describe: 'bisect: find the pass and the rewrite; reduce: find the smallest part of the network that still fails',
    },
    { name: 'MODEL', required: true, describe: 'ONNX file of a classifier, or ONNX text' },
  ],
  groups: [
    { title: 'Output', options: output },
    { title: 'Conversion', options: conversion },
    { title: 'Verification', options: tolerance },
  ],
  examples: [
    ['debug bisect model.onnx --plugin ./my-pass.cjs', 'Find the rewrite of a pass that changes the numbers'],
    ['debug reduce model.onnx -o case/', 'Write a case to file: the few nodes that matter, with inputs'],
  ],
};

export const passesSpec: CommandSpec = {
  name: 'passes',
  summary: 'List the passes of a conversion, in order',
  arguments: [{ name: 'NAME', describe: 'Only this pass' }],
  groups: [],
  examples: [
    ['passes', 'All of them'],
    ['passes linear-to-conv', 'One of them'],
  ],
};

export const playgroundOptions = {
  port: { type: 'string', requiresArg: true, value: 'N', default: '8722', describe: 'Port on 127.0.0.1; 0 takes any that is free' },
} as const satisfies OptionTable;

export const playgroundSpec: CommandSpec = {
  name: 'playground',
  summary: 'Serve a page on this machine that converts, verifies and draws heat maps in the browser',
  arguments: [],
  groups: [{ title: 'Server', options: playgroundOptions }],
  examples: [['playground', 'Serve it until Ctrl-C; the models that you drop on it stay on this machine']],
};

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completionSpec: CommandSpec = {
  name: 'completion',
  summary: 'Print a script that completes commands and options in a shell',
  arguments: [{ name: 'SHELL', required: true, choices: SHELLS, describe: 'The shell that the script is for' }],
  groups: [],
  examples: [
    ['completion bash >> ~/.bashrc', 'Complete in every new bash'],
    ['completion zsh > ~/.zfunc/_convolutionize', 'For zsh: a folder of $fpath'],
    ['completion fish > ~/.config/fish/completions/convolutionize.fish', 'For fish'],
  ],
};
