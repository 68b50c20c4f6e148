/** Recognises other kinds of models that people pass as ONNX files; the error names the kind and the command that converts it to ONNX. */
import { notOnnx } from '../diagnostics/catalogue';
import type { CompileError } from '../diagnostics/compile-error';
import { quoted } from '../diagnostics/quoted';
import type { ByteSource } from '../ir/bytes';

interface OtherFormat {
  readonly what: string;
  readonly hint: string;
}

const TF2ONNX = 'pip install tf2onnx; python -m tf2onnx.convert';
const EXPORT = 'model.eval(); torch.onnx.export(model, torch.zeros(1, 3, 224, 224), "model.onnx")';

const python = (code: string): string => `python -c "${code}"`;

/** A path as a Python string literal, inside the double quotes of a shell command. */
const inPython = (path: string): string =>
  `'${path.replaceAll('\\', '/').replace(/['"$`]/g, (char) => (char === "'" ? "\\'" : `\\${char}`))}'`;

/** Error for a folder with a SavedModel, with the command that converts it to ONNX. */
export const savedModel = (folder: string): CompileError =>
  notOnnx(folder, 'this is a SavedModel of TensorFlow', `${TF2ONNX} --saved-model ${quoted(folder)} --output model.onnx`);

/** A TensorFlow.js model in place of an ONNX file: `kind` as given in model.json. */
export const tfjsFormat = (file: string, kind: 'layers' | 'graph'): OtherFormat =>
  kind === 'graph'
    ? {
        what: 'this is a graph model of TensorFlow.js',
        hint: `convert the ONNX file that it came from, or make one: ${TF2ONNX} --tfjs ${quoted(file)} --output model.onnx`,
      }
    : {
        what: 'this is a layers model of TensorFlow.js',
        hint: `tensorflowjs_converter --input_format=tfjs_layers_model --output_format=keras_saved_model ${quoted(file)} saved_model; ${TF2ONNX} --saved-model saved_model --output model.onnx`,
      };

/** An error that names the file's format if it is a known model of another kind; otherwise undefined. */
export function otherFormat(source: ByteSource): CompileError | undefined {
  const found = formatOf(source);
  return found && notOnnx(source.name, found.what, found.hint);
}

function formatOf(source: ByteSource): OtherFormat | undefined {
  const head = source.read(0, Math.min(4096, source.size));
  const text = String.fromCharCode(...head);
  const { name } = source;
  const extension = /\.(\w+)$/.exec(name.toLowerCase())?.[1] ?? '';
  const other = noModel(text);
  if (other) return other;
  if (text.startsWith('\x89HDF\r\n\x1a\n'))
    return {
      what: 'this is an HDF5 file, of Keras perhaps',
      hint: python(
        `import tensorflow as tf, tf2onnx; tf2onnx.convert.from_keras(tf.keras.models.load_model(${inPython(name)}), output_path='model.onnx')`,
      ),
    };
  if (text.startsWith('PK')) return zipFormat(text, name, extension);
  // Python's pickle, as torch.save wrote it before 1.6, with PyTorch's magic numbers at its beginning.
  if (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5)
    return extension === 'pkl' || extension === 'pickle'
      ? { what: 'this is a pickle of Python', hint: `load the model in Python, then ${EXPORT}` }
      : { what: 'this is a file of PyTorch (torch.save)', hint: `load it in Python, then ${EXPORT}` };
  if (text.slice(4, 8) === 'TFL3')
    return { what: 'this is a TensorFlow Lite model', hint: `${TF2ONNX} --tflite ${quoted(name)} --output model.onnx` };
  if (text.slice(4, 8) === 'ORTM')
    return { what: 'this is a model in the format of ONNX Runtime (.ort)', hint: 'give the .onnx file that it was made from' };
  if (text.startsWith('GGUF'))
    return {
      what: 'this is a GGUF file, weights for llama.cpp',
      hint: 'it holds no graph: export the model from the framework that it came from',
    };
  if (text.startsWith('ptrt') || ['engine', 'plan', 'trt'].includes(extension))
    return {
      what: 'this is an engine of TensorRT, built for one graphics card',
      hint: 'it cannot be turned back: give the .onnx file that it was built from',
    };
  if (head[7] === 0 && /^\{\s*"/.test(text.slice(8)))
    return { what: 'this is a safetensors file: weights without a graph', hint: `load them into the model in Python, then ${EXPORT}` };
  if (/^\s*<\?xml[^>]*>\s*<net\b|^\s*<net\b/.test(text))
    return { what: 'this is a model of OpenVINO', hint: 'it cannot be turned back: give the .onnx file that it was made from' };
  if (/^\s*\{/.test(text)) return jsonFormat(source, name);
  // An ONNX file begins with its ir_version; some are named .pb.
  return extension !== 'mlmodel' && head[0] === 0x08 ? undefined : byExtension(extension, name);
}

/** Recognises files that are not models at all. */
function noModel(text: string): OtherFormat | undefined {
  if (/^(\x89PNG|\xff\xd8\xff|RIFF....WEBP|GIF8|II\*\0|MM\0\*)/s.test(text))
    return { what: 'this is a picture', hint: 'give the model first, then the picture: MODEL PICTURE' };
  if (/^\s*<(!doctype html|html)\b/i.test(text))
    return {
      what: 'this is a web page, perhaps saved in place of a download',
      hint: 'download the file itself, by a link that says raw or download',
    };
  const compression = [
    ['gzip', '\x1f\x8b'],
    ['bzip2', 'BZh'],
    ['xz', '\xfd7zXZ'],
  ].find(([, start = '']) => text.startsWith(start))?.[0];
  if (compression !== undefined)
    return { what: `this is a compressed file (${compression})`, hint: 'unpack it, and give the .onnx file that is in it' };
  return undefined;
}

/** Decides by the names of the first members, which a zip file stores uncompressed. */
function zipFormat(text: string, name: string, extension: string): OtherFormat | undefined {
  if (/(^|\/)(constants\.pkl|code\/__torch__|bytecode\.pkl)/m.test(text) || /\/(data\.pkl|\.format_version|version|byteorder)/.test(text))
    return { what: 'this is a file of PyTorch (torch.save or torch.jit.save)', hint: `load it in Python, then ${EXPORT}` };
  if (['pt', 'pth', 'ckpt', 'pt2'].includes(extension))
    return { what: 'this is a file of PyTorch', hint: `load it in Python, then ${EXPORT}` };
  if (extension === 'keras' || /model\.weights\.h5|metadata\.json|config\.json/.test(text))
    return {
      what: 'this is a model of Keras 3 (.keras)',
      hint: python(`import keras; keras.models.load_model(${inPython(name)}).export('model.onnx', format='onnx')`),
    };
  if (/\.npy/.test(text)) return { what: 'this is an archive of NumPy arrays (.npz)', hint: 'give an .onnx file' };
  return text.startsWith('PK\x03\x04')
    ? { what: 'this is a zip archive', hint: 'unpack it, and give the .onnx file that is in it' }
    : undefined;
}

/** Only the beginning of a long model.json is read, so it is searched, not parsed. */
function jsonFormat(source: ByteSource, name: string): OtherFormat | undefined {
  const text = new TextDecoder().decode(source.read(0, Math.min(2 ** 20, source.size)));
  if (!/"(modelTopology|weightsManifest)"/.test(text)) return undefined;
  return tfjsFormat(name, /"format"\s*:\s*"layers-model"|"model_config"/.test(text) ? 'layers' : 'graph');
}

/** Decides by the extension, for formats whose bytes cannot be told from ONNX or have no signature. */
function byExtension(extension: string, name: string): OtherFormat | undefined {
  switch (extension) {
    case 'mlmodel':
      return {
        what: 'this is a Core ML model',
        hint: 'export the model from the framework that it came from; Core ML cannot be turned back',
      };
    case 'pb':
      return {
        what: 'this is a frozen graph of TensorFlow',
        hint: `${TF2ONNX} --graphdef ${quoted(name)} --inputs INPUT:0 --outputs OUTPUT:0 --output model.onnx`,
      };
    case 'pdmodel':
      return { what: 'this is a model of PaddlePaddle', hint: 'pip install paddle2onnx; paddle2onnx --model_dir . --save_file model.onnx' };
    case 'caffemodel':
    case 'prototxt':
      return { what: 'this is a model of Caffe', hint: 'pip install caffe2onnx, or export the model from another framework' };
    case 'pt':
    case 'pth':
    case 'ckpt':
      return { what: 'this is a file of PyTorch', hint: `load it in Python, then ${EXPORT}` };
    default:
      return undefined;
  }
}
