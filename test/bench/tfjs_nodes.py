"""tfjs_nodes.py DIRECTORY NAME...: networks of keras.applications, on both ways to TensorFlow.js.

What tensorflowjs_converter makes of each is counted: its steps (converters/tf_saved_model_conversion_v2.py, optimize_graph, of tensorflowjs 4.22) are done here
by the same optimisers of TensorFlow, since the package itself installs on few machines:
    Grappler (pruning, constfold, arithmetic, dependency, twice); batch norms folded into convolutions; Grappler (remap, constfold, arithmetic, dependency)
    with the convolutions said to be on the CPU, where alone it fuses them; depthwise convolutions fused with bias and activation.
The same graph, as it is after the first step, is written as ONNX, operator by operator with channels last (Transposes around what ONNX has channels-first for),
which is what exporters from TensorFlow begin with. ONNX Runtime must give what TensorFlow gives.

Prints one line of JSON per network: name, the path of the ONNX file, counts of the converter's nodes by operator.
Batch norms are written as FusedBatchNormV3, as Keras 2 did, for which the converter was made: Keras 3 writes four nodes, which it does not fold.
"""

import collections
import json
import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')
# With it, Grappler fuses batch norms into an operator that TensorFlow.js does not have.
os.environ['TF_ENABLE_ONEDNN_OPTS'] = '0'

import keras
import numpy as np
import onnx
import tensorflow as tf
from keras.src.backend.tensorflow import nn as keras_nn
from onnx import TensorProto, helper, numpy_helper
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import config_pb2, device_properties_pb2, meta_graph_pb2
from tensorflow.python.framework import tensor_util
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.grappler import cluster as gcluster
from tensorflow.python.grappler import tf_optimizer
from tensorflow.python.training.saver import export_meta_graph

CONVOLUTIONS = ('Conv2D', 'DepthwiseConv2dNative')


def fused_batch_norm(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    ones, zeros = tf.ones_like(mean), tf.zeros_like(mean)
    return tf.compat.v1.nn.fused_batch_norm(
        x, ones if scale is None else scale, zeros if offset is None else offset, mean, variance, epsilon=epsilon, is_training=False
    )[0]


# ---- the converter's steps ----


def grappler(graph_def, outputs, optimisers):
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name='')
    for name in outputs:
        graph.add_to_collection('train_op', graph.get_operation_by_name(name))
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.optimizers[:] = optimisers
    config.graph_options.rewrite_options.meta_optimizer_iterations = config.graph_options.rewrite_options.DEFAULT_NUM_ITERS
    device = device_properties_pb2.NamedDevice(name='/GPU:0')
    device.properties.type = 'GPU'
    device.properties.environment['architecture'] = '4'
    meta = export_meta_graph(graph_def=graph_def, graph=graph)
    return tf_optimizer.OptimizeGraph(config, meta, cluster=gcluster.Cluster(devices=[device]))


def by_name(graph_def):
    return {node.name: node for node in graph_def.node}


def source(nodes, name):
    return nodes.get(name.lstrip('^').split(':')[0])


def readers_of(graph_def):
    readers = collections.Counter()
    for node in graph_def.node:
        readers.update(name.lstrip('^').split(':')[0] for name in node.input)
    return readers


def number(node):
    return tensor_util.MakeNdarray(node.attr['value'].tensor)


def set_number(node, values):
    node.attr['value'].tensor.CopyFrom(tensor_util.make_tensor_proto(values.astype(np.float32)))


def without(graph_def, gone):
    """`gone`: names of nodes to what is read in their stead."""

    def final(name):
        while name in gone:
            name = gone[name]
        return name

    result = graph_pb2.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        if node.name in gone:
            continue
        kept = result.node.add()
        kept.CopyFrom(node)
        kept.input[:] = [final(name) for name in node.input]
    return result


def fold_batch_norms(graph_def):
    """Conv2D or DepthwiseConv2dNative, [BiasAdd or Add,] FusedBatchNorm: into the weights, and a BiasAdd in the norm's place."""
    nodes = by_name(graph_def)
    gone, added = {}, []
    for norm in graph_def.node:
        if norm.op not in ('FusedBatchNorm', 'FusedBatchNormV3'):
            continue
        conv, bias, add = source(nodes, norm.input[0]), None, None
        if conv.op in ('BiasAdd', 'Add', 'AddV2'):
            add = conv
            conv, bias = (source(nodes, name) for name in add.input[:2])
            if conv.op not in CONVOLUTIONS:
                conv, bias = bias, conv
        if conv.op not in CONVOLUTIONS or (bias is not None and bias.op != 'Const'):
            continue
        weights = source(nodes, conv.input[1])
        statistics = [source(nodes, name) for name in norm.input[1:5]]
        if weights.op != 'Const' or any(node.op != 'Const' for node in statistics):
            continue
        scale, shift, mean, variance = (number(node) for node in statistics)
        if bias is not None:
            mean = mean - number(bias).reshape(-1)
        factor = scale / np.sqrt(variance + norm.attr['epsilon'].f)
        kernel = number(weights)
        scaled = graph_pb2.GraphDef().node.add()
        scaled.CopyFrom(weights)
        scaled.name = f'{conv.name}_weights'
        set_number(scaled, kernel * (factor if conv.op == 'Conv2D' else factor.reshape(kernel.shape[2:])))
        offset = graph_pb2.GraphDef().node.add()
        offset.CopyFrom(statistics[1])
        offset.name = f'{conv.name}_bn_offset'
        set_number(offset, shift - mean * factor)
        conv.input[1] = scaled.name
        norm.op = 'BiasAdd'
        norm.input[:] = [conv.name, offset.name]
        for name in [name for name in norm.attr if name != 'T']:
            del norm.attr[name]
        norm.attr['data_format'].s = b'NHWC'
        if add is not None:
            gone[add.name] = conv.name
        added += [scaled, offset]
    result = without(graph_def, gone)
    result.node.extend(added)
    return unread_constants_removed(result)


def unread_constants_removed(graph_def):
    readers = readers_of(graph_def)
    result = graph_pb2.GraphDef(versions=graph_def.versions)
    result.node.extend(node for node in graph_def.node if node.op != 'Const' or readers[node.name] > 0)
    return result


def fuse_depthwise(graph_def):
    """DepthwiseConv2dNative, BiasAdd[, Relu, Relu6 or Elu] into FusedDepthwiseConv2dNative."""
    nodes, gone = by_name(graph_def), {}
    for activated in (True, False):
        for node in graph_def.node:
            activation = node if activated and node.op in ('Relu', 'Relu6', 'Elu') else None
            bias = source(nodes, node.input[0]) if activation is not None else node
            if node.name in gone or bias is None or bias.op != 'BiasAdd' or (activated and activation is None):
                continue
            conv = source(nodes, bias.input[0])
            if conv.op != 'DepthwiseConv2dNative':
                continue
            conv.op = 'FusedDepthwiseConv2dNative'
            conv.input.append(bias.input[1])
            gone[bias.name] = conv.name
            if activation is not None:
                gone[activation.name] = conv.name
    return without(graph_def, gone)


def as_the_converter_does(graph_def, outputs):
    nodes = fold_batch_norms(graph_def)
    for node in nodes.node:
        if node.op in ('Conv2D', 'MatMul'):
            node.device = '/device:CPU:0'
    return fuse_depthwise(grappler(nodes, outputs, ['remap', 'constfold', 'arithmetic', 'dependency']))


# ---- the same as ONNX ----


class Exporter:
    """Operator by operator, channels last; a Transpose on each side of what ONNX has channels-first."""

    def __init__(self, graph_def, output):
        self.graph_def, self.output = graph_def, output
        self.by_name = by_name(graph_def)
        self.nodes, self.weights, self.ready = [], {}, set()

    def op(self, op, inputs, output, **attrs):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attrs))
        return output

    def weight(self, name, values):
        self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def number(self, name):
        return number(source(self.by_name, name))

    def channels_first(self, node, op, x, others, **attrs):
        first = self.op('Transpose', [x], f'{node.name}/first', perm=[0, 3, 1, 2])
        result = self.op(op, [first, *others], f'{node.name}/{op}', **attrs)
        self.op('Transpose', [result], node.name, perm=[0, 2, 3, 1])

    def window(self, node):
        attrs = {'strides': list(node.attr['strides'].list.i)[1:3]}
        padding = node.attr['padding'].s.decode()
        if padding == 'EXPLICIT':
            pads = list(node.attr['explicit_paddings'].list.i)
            attrs['pads'] = [pads[2], pads[4], pads[3], pads[5]]
        else:
            attrs['auto_pad'] = 'SAME_UPPER' if padding == 'SAME' else 'VALID'
        return attrs

    def convert(self, node):
        x = [name.split(':')[0] for name in node.input if not name.startswith('^')]
        name = node.name
        simple = {
            'AddV2': 'Add', 'Add': 'Add', 'BiasAdd': 'Add', 'Mul': 'Mul', 'Sub': 'Sub', 'RealDiv': 'Div', 'Maximum': 'Max', 'Relu': 'Relu', 'Sigmoid': 'Sigmoid',
            'Sqrt': 'Sqrt', 'MatMul': 'MatMul', 'Identity': 'Identity', 'IdentityN': 'Identity', 'Tanh': 'Tanh', 'Neg': 'Neg', 'Erf': 'Erf', 'Softplus': 'Softplus',
        }  # fmt: skip
        if node.op in simple:
            self.op(simple[node.op], x[:1] if node.op == 'IdentityN' else x, name)
        elif node.op == 'Softmax':
            self.op('Softmax', x, name, axis=-1)
        elif node.op == 'Relu6':
            bounds = [self.weight(f'{name}/{at}', np.float32(at)) for at in (0, 6)]
            self.op('Clip', [*x, *bounds], name)
        elif node.op == 'Conv2D':
            kernel = self.number(x[1]).transpose(3, 2, 0, 1)
            dilations = list(node.attr['dilations'].list.i)[1:3] or [1, 1]
            self.channels_first(node, 'Conv', x[0], [self.weight(f'{name}/W', kernel)], dilations=dilations, **self.window(node))
        elif node.op == 'DepthwiseConv2dNative':
            kernel = self.number(x[1])
            rows, columns, channels, each = kernel.shape
            spelled = kernel.transpose(2, 3, 0, 1).reshape(channels * each, 1, rows, columns)
            self.channels_first(node, 'Conv', x[0], [self.weight(f'{name}/W', spelled)], group=channels, **self.window(node))
        elif node.op == 'FusedBatchNormV3':
            self.channels_first(node, 'BatchNormalization', x[0], x[1:5], epsilon=node.attr['epsilon'].f)
        elif node.op in ('MaxPool', 'AvgPool'):
            op = 'MaxPool' if node.op == 'MaxPool' else 'AveragePool'
            self.channels_first(node, op, x[0], [], kernel_shape=list(node.attr['ksize'].list.i)[1:3], **self.window(node))
        elif node.op == 'Mean':
            axes = self.weight(f'{name}/axes', np.atleast_1d(self.number(x[1])).astype(np.int64))
            self.op('ReduceMean', [x[0], axes], name, keepdims=int(node.attr['keep_dims'].b))
        elif node.op in ('Pad', 'PadV2'):
            pads = self.weight(f'{name}/pads', self.number(x[1]).T.reshape(-1).astype(np.int64))
            self.op('Pad', [x[0], pads, *x[2:]], name)
        elif node.op == 'ConcatV2':
            self.op('Concat', x[:-1], name, axis=int(self.number(x[-1])))
        elif node.op == 'Reshape':
            shape = source(self.by_name, x[1])
            if shape.op == 'Const':
                sizes = number(shape).astype(np.int64)
            else:
                # Pack of the batch size and of constants.
                parts = [source(self.by_name, part) for part in shape.input]
                sizes = np.array([int(number(part)) if part.op == 'Const' else -1 for part in parts], np.int64)
            self.op('Reshape', [x[0], self.weight(f'{name}/shape', sizes)], name)
        elif node.op == 'Squeeze':
            axes = self.weight(f'{name}/axes', np.array(node.attr['squeeze_dims'].list.i, np.int64))
            self.op('Squeeze', [x[0], axes], name)
        else:
            raise ValueError(f"'{node.name}': {node.op} is not written as ONNX here")

    def visit(self, name):
        node = source(self.by_name, name)
        if node.name in self.ready:
            return
        self.ready.add(node.name)
        skipped = {'Reshape': [1], 'Mean': [1], 'Pad': [1], 'ConcatV2': [-1], 'Conv2D': [1], 'DepthwiseConv2dNative': [1]}.get(node.op, [])
        data = [name for at, name in enumerate(node.input) if at not in skipped and at - len(node.input) not in skipped and not name.startswith('^')]
        for name in data:
            self.visit(name)
        if node.op == 'Const':
            self.weight(node.name, number(node))
        elif node.op == 'Placeholder':
            self.input = node.name
        else:
            self.convert(node)

    def model(self, shape, outputs):
        self.visit(self.output)
        graph = helper.make_graph(
            self.nodes,
            'keras',
            [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(self.output, TensorProto.FLOAT, outputs)],
            list(self.weights.values()),
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)


def seed_weights(model):
    """As an untrained network has them, zeros and ones would be folded away, and scores would not differ."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        kind = weight.path.rsplit('/', 1)[-1]
        if kind == 'kernel':
            depthwise = 'depthwise' in weight.path or 'dwconv' in weight.path
            inputs = np.prod(weight.shape[:2]) if depthwise and len(weight.shape) == 4 else np.prod(weight.shape[:-1])
            weight.assign(random.normal(size=weight.shape) * np.sqrt(2 / inputs))
        elif kind in ('gamma', 'moving_variance'):
            weight.assign(random.uniform(0.5, 1.5, size=weight.shape))
        elif weight.dtype == 'float32' and kind in ('bias', 'beta', 'moving_mean'):
            weight.assign(random.normal(size=weight.shape) * 0.1)


def check(path, model, frozen, exporter, size):
    try:
        import onnxruntime
    except ImportError:
        return None
    image = np.random.default_rng(1).normal(size=size).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    (found,) = session.run(None, {exporter.input: image})
    expected = frozen(tf.constant(image))[0].numpy()
    off = float(np.abs(found - expected).max() / np.abs(expected).max())
    if off > 1e-3:
        raise ValueError(f'{path}: ONNX Runtime differs from TensorFlow by {off:.1e} of the largest number')
    return off


def main():
    directory, names = sys.argv[1], sys.argv[2:]
    keras_nn.batch_normalization = fused_batch_norm
    for name in names:
        keras.utils.set_random_seed(1)
        model = getattr(keras.applications, name)(weights=None)
        seed_weights(model)
        shape = tuple(size or 224 if at > 0 else size for at, size in enumerate(model.input_shape))
        function = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec([None, *shape[1:]], tf.float32))
        frozen = convert_variables_to_constants_v2(function)
        outputs = [frozen.outputs[0].op.name]
        first = grappler(frozen.graph.as_graph_def(), outputs, ['pruning', 'constfold', 'arithmetic', 'dependency'] * 2)
        exporter = Exporter(first, outputs[0])
        path = os.path.join(directory, f'{name}.onnx')
        onnx.save(exporter.model(['N', *shape[1:]], ['N', *model.output_shape[1:]]), path)
        off = check(path, model, frozen, exporter, [1, *shape[1:]])
        converted = as_the_converter_does(first, outputs)
        counts = collections.Counter(node.op for node in converted.node)
        print(json.dumps({'name': name, 'path': path, 'difference': off, 'counts': counts}), flush=True)
        del model
        keras.backend.clear_session()


main()
