/** Options of `predict` and `heatmap`, which run a network on pictures. */
import { COLOUR_MAPS } from '../../pictures/colours';
import type { CommandSpec, OptionTable } from './option';
import { inputSize, runtimeOption, symlinks } from './shared';

/** Preprocessing options of `predict`, `heatmap` and `convert`. */
export const preprocessingOptions = {
  preset: {
    type: 'string',
    requiresArg: true,
    value: 'NAME',
    describe:
      "How pixels become numbers: torchvision (0..1, ImageNet's mean and deviation), tensorflow (-1..1), caffe (BGR, 0..255 minus 104, 117, 123), raw (0..255), unit (0..1), lecture (0.5 + 0.5 (x - mean) / std of the picture), a model of torchvision or timm (ResNet50_Weights.IMAGENET1K_V2, resnet50.a1_in1k), or a file (preprocessor_config.json). Default: what the model states; else torchvision, tensorflow for [N, H, W, C], unit for grey, raw for integers",
  },
  mean: {
    type: 'string',
    requiresArg: true,
    value: 'X',
    describe: 'Subtract this, in units of --range: one number, or one per channel in the order fed: 0.485,0.456,0.406',
  },
  std: { type: 'string', requiresArg: true, value: 'X', describe: 'Then divide by this: one number, or one per channel in the order fed' },
  range: {
    type: 'string',
    requiresArg: true,
    value: 'X',
    describe:
      'What white becomes before --mean and --std: 1, 255 or 65535 (default: as in the preset, else 1; arrays and models of other bands: numbers as they are)',
  },
  normalise: {
    choices: ['image', 'band'] as const,
    describe: 'Mean and deviation are those of the image itself, over all its numbers or for each band: (x - mean) / std',
  },
  rate: {
    type: 'string',
    requiresArg: true,
    value: 'HZ',
    describe: 'Samples a second that the model was made for: recordings of another rate are resampled',
  },
  channels: { choices: ['rgb', 'bgr'] as const, describe: 'Order of the channels (default: as in the preset)' },
} as const satisfies OptionTable;

const model = {
  labels: {
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe:
      'Names of the classes: imagenet (built in), or a file: one per line, JSON, a Python dictionary (default: those in the model, if any)',
  },
  softmax: { type: 'boolean', default: false, describe: 'Turn scores into probabilities, if the model does not' },
  'output-name': {
    type: 'string',
    requiresArg: true,
    value: 'NAME',
    describe: 'Output of the model that holds the scores (default: the first that can)',
  },
  ...inputSize,
  ...symlinks,
} as const satisfies OptionTable;

const files = {
  black: { type: 'string', requiresArg: true, value: 'X', describe: 'Number in the file that is black, for more than 8 bits (default: 0)' },
  white: { type: 'string', requiresArg: true, value: 'X', describe: 'Number in the file that is white: 4095 for 12 bits' },
  levels: { type: 'string', requiresArg: true, value: 'LOW,HIGH', describe: 'Black and white as shares of the pixels instead: 1%,99%' },
  page: { type: 'string', requiresArg: true, value: 'N', describe: 'Page of a file that has several, from 1' },
  bands: {
    type: 'string',
    requiresArg: true,
    value: 'LIST',
    describe: 'Bands of a TIFF or an array, or channels of a recording, from 1 in the order in which they are fed: 4,3,2; mean: their mean',
  },
  array: {
    type: 'string',
    requiresArg: true,
    value: 'NAME',
    describe: 'Array of an .npz archive (default: the one named as the input, or the only one)',
  },
  background: { type: 'string', requiresArg: true, value: '#RRGGBB', default: '#ffffff', describe: 'Color behind transparent parts' },
} as const satisfies OptionTable;

const running = {
  tile: {
    type: 'string',
    requiresArg: true,
    value: 'PIXELS',
    default: 'auto',
    describe: 'Side of the tiles in which a large image is run; auto: as --memory allows; none: the image in one piece',
  },
  memory: {
    type: 'string',
    requiresArg: true,
    value: 'GB',
    default: '1',
    describe: 'Memory limit for intermediate activations (used by --tile auto)',
  },
  pad: { type: 'boolean', default: false, describe: 'Surround an image that is smaller than the window with zeros' },
  ...runtimeOption,
} as const satisfies OptionTable;

export const pictureOptions = { ...model, ...preprocessingOptions, ...files, ...running };

const predicting = {
  top: { type: 'string', requiresArg: true, value: 'N', default: '5', describe: 'Number of classes to print' },
  combine: {
    choices: ['mean', 'max'] as const,
    default: 'mean' as const,
    describe:
      'Of a map, with --resize or --crop: the mean of all cells, or the highest score of any cell; max alone takes the whole picture at its own size',
  },
} as const satisfies OptionTable;

const fitting = {
  resize: {
    type: 'string',
    requiresArg: true,
    value: 'SIZE',
    describe:
      'N: scale the shorter side to N pixels; HxW: stretch; none: at its own size, where the network takes it (default: 8/7 of the size that the network was trained at)',
  },
  crop: {
    type: 'string',
    requiresArg: true,
    value: 'SIZE',
    describe:
      'Then cut N or HxW pixels from the middle; none (default: the size that the network was trained at; none for maps with --resize)',
  },
} as const satisfies OptionTable;

const predictRunning = {
  ...running,
  'tfjs-backend': {
    choices: ['wasm', 'node'] as const,
    default: 'wasm' as const,
    describe: 'What runs a TensorFlow.js model: WebAssembly, or @tensorflow/tfjs-node if installed',
  },
} as const satisfies OptionTable;

export const predictOptions = { ...predicting, ...model, ...preprocessingOptions, ...fitting, ...files, ...predictRunning };

const drawing = {
  output: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: 'Picture to write: .png, .jpg, .webp or .svg (default: PICTURE-heatmap.png)',
  },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace files that exist' },
  map: {
    type: 'string',
    requiresArg: true,
    value: 'FILE.npy',
    completes: 'file',
    describe:
      'Also write the numbers: float32 [classes, rows, columns] (or the axes of the image), for the classes of --class in this order, else for all; .npz: with the places of the cells',
  },
  'all-peaks': {
    type: 'string',
    requiresArg: true,
    value: 'FILE.csv',
    completes: 'file',
    describe: 'Also write every local maximum of the classes shown; of recordings with its time in seconds',
  },
  size: {
    type: 'string',
    requiresArg: true,
    value: 'PIXELS',
    default: '1200',
    describe: 'Longer side of the drawing; letters grow with it',
  },
  colors: { choices: COLOUR_MAPS, default: 'turbo' as const, describe: 'Color map' },
  alpha: { type: 'string', requiresArg: true, value: '0..1', default: '0.7', describe: 'How much of the picture the hottest color hides' },
  bare: { type: 'boolean', default: false, describe: 'Only the picture and its colors, at its own size: no title, legend or frame' },
} as const satisfies OptionTable;

const showing = {
  class: {
    type: 'string',
    array: true,
    requiresArg: true,
    value: 'CLASS',
    describe: 'Class to show, by name or index; repeat it for a grid (default: the class that predict names for the whole picture)',
  },
  top: {
    type: 'string',
    requiresArg: true,
    value: 'N',
    describe: 'Show the N classes with the highest local peaks instead, as a grid',
  },
  head: {
    choices: ['auto', 'window', 'cell'] as const,
    default: 'auto' as const,
    describe:
      'For a classifier: one prediction per window of its size, or per cell of its last feature map (the class activation map, CAM); auto: cell where a map of windows would be coarse',
  },
  stride: {
    type: 'string',
    requiresArg: true,
    value: 'PIXELS',
    describe:
      "For a classifier: output stride in pixels, one number or one per axis (2x8x8); must divide the network's own stride (smaller = finer map)",
  },
  scales: {
    type: 'string',
    requiresArg: true,
    value: 'LIST',
    default: 'auto',
    describe:
      'Scales at which the picture is run: 0.5,0.7,1,1.4; auto: from the one where a window covers the whole picture to the one where it covers a quarter',
  },
  flip: { type: 'boolean', default: false, describe: 'Also run the mirror image' },
  combine: {
    choices: ['mean', 'max'] as const,
    default: 'mean' as const,
    describe: 'How scales and mirror images are combined, cell by cell',
  },
  slide: {
    choices: ['peaks', 'all'] as const,
    describe: 'Run the original network on crops, exact and slow: of the peaks, to compare, or of all windows',
  },
} as const satisfies OptionTable;

export const heatmapOptions = { ...drawing, ...showing, ...model, ...preprocessingOptions, ...files, ...running };

export const predictSpec: CommandSpec = {
  name: 'predict',
  summary: 'Print the best classes for pictures, recordings and volumes',
  arguments: [
    { name: 'MODEL', required: true, describe: 'ONNX file, or the folder of a TensorFlow.js model' },
    {
      name: 'PICTURE',
      required: true,
      many: true,
      describe: 'JPEG, PNG, WebP or TIFF file, or a folder of such files; .npy, .npz or .wav file; - for an array on the standard input',
    },
  ],
  groups: [
    { title: 'Result', options: predicting },
    { title: 'Model', options: model },
    { title: 'Pixels', options: { ...preprocessingOptions, ...fitting } },
    { title: 'Picture files', options: files },
    { title: 'Running', options: predictRunning },
  ],
  examples: [
    ['predict alexnet.onnx dog.jpg --labels imagenet --top 12', 'The twelve best classes'],
    ['predict squeezenet.onnx photos/ --preset caffe --labels names.txt', 'All pictures of a folder, for a network from Caffe'],
    ['predict alexnet-fcn.onnx scene.jpg --combine max', 'A converted network looks at the whole picture'],
    ['predict commands.onnx word.wav --rate 16000', 'A network of sounds'],
    ['predict sentinel.onnx scene.tif --bands 4,3,2 --range 65535', 'Three bands of a satellite picture, at full depth'],
  ],
};

export const heatmapSpec: CommandSpec = {
  name: 'heatmap',
  summary: 'Draw where in a picture, a recording or a volume a class is seen (class activation map, CAM)',
  arguments: [
    { name: 'MODEL', required: true, describe: 'ONNX file of a classifier, or of its conversion' },
    {
      name: 'PICTURE',
      required: true,
      describe: 'JPEG, PNG, WebP or TIFF file; .npy, .npz or .wav file; - for an array on the standard input',
    },
  ],
  groups: [
    { title: 'Output', options: drawing },
    { title: 'What to show', options: showing },
    { title: 'Model', options: model },
    { title: 'Pixels', options: preprocessingOptions },
    { title: 'Picture files', options: files },
    { title: 'Running', options: running },
  ],
  examples: [
    ['heatmap alexnet.onnx dog.jpg --labels imagenet', 'Where the best class is seen'],
    ['heatmap alexnet.onnx dog.jpg --class 207 --stride 8 --scales 0.7,1,1.4', 'A finer map of one class, at three scales'],
    ['heatmap alexnet.onnx scene.jpg --top 6 --softmax -o scene-heat.jpg', 'The six best classes as a grid'],
    ['heatmap alexnet.onnx scene.jpg --map scores.npy', 'Also the numbers, of all classes'],
  ],
};
