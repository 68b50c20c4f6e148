"""Quantises networks with onnxruntime's own tools, for the table of docs/quantised.md.

  python test/zoo/quantised.py OUT [NAME ...]

Writes OUT/NAME.float.onnx and OUT/NAME.FORM.onnx. Needs torch, torchvision, timm, onnx, onnxruntime. LeNet-5 is the trained one of fixtures/models; the
others have seeded random weights, whose batch norms are calibrated first so that every layer passes a signal on. Calibration is on seeded pictures.
"""
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

U8, S8, S16, S4 = QuantType.QUInt8, QuantType.QInt8, QuantType.QInt16, QuantType.QInt4
# name: (format, activations, weights, per channel)
FORMS = {
    "qoperator-u8s8": (QuantFormat.QOperator, U8, S8, False),
    "qoperator-u8s8-pc": (QuantFormat.QOperator, U8, S8, True),
    "qoperator-u8u8": (QuantFormat.QOperator, U8, U8, False),
    "qoperator-s8s8-pc": (QuantFormat.QOperator, S8, S8, True),
    "qdq-u8s8-pc": (QuantFormat.QDQ, U8, S8, True),
    "qdq-s8s8": (QuantFormat.QDQ, S8, S8, False),
    "qdq-s16s8": (QuantFormat.QDQ, S16, S8, False),
    "dynamic": None,
}
CASES = [
    ("lenet5", "qoperator-u8s8"), ("lenet5", "qdq-s8s8"), ("lenet5", "dynamic"), ("lenet5", "qdq-s16s8"),
    ("mobilenet_v2", "qoperator-u8s8-pc"), ("mobilenet_v2", "qdq-u8s8-pc"),
    ("resnet18", "qoperator-u8u8"), ("resnet18", "qdq-u8s8-pc"), ("resnet18", "dynamic"),
    ("squeezenet1_1", "qoperator-s8s8-pc"), ("squeezenet1_1", "qdq-s8s8"),
    ("efficientnet_lite0", "qoperator-u8s8-pc"), ("efficientnet_lite0", "qdq-u8s8-pc"),
    ("shufflenet_v2_x0_5", "qoperator-u8s8"), ("mnasnet0_5", "qoperator-u8s8"), ("regnet_x_400mf", "qdq-u8s8-pc"),
]
SIZE = {"lenet5": (1, 28, 28)}
OPERATORS = ("nms qnms roi_align qroi_align roi_pool ps_roi_align ps_roi_pool deform_conv2d _roi_align_backward _roi_pool_backward "
             "_ps_roi_align_backward _ps_roi_pool_backward _deform_conv2d_backward").split()
LIBRARY = torch.library.Library("torchvision", "FRAGMENT")
ROOT = Path(__file__).resolve().parents[2]


def shape(name):
    return (1, *SIZE.get(name, (3, 96, 96)))


def pictures(name, count, seed=0):
    """Handwritten digits for LeNet-5. Others: smooth structure, edges and noise, in the range of normalised pictures."""
    if name == "lenet5":
        digits = np.frombuffer((ROOT / "fixtures/digits/digits.bin").read_bytes()[200:], np.uint8).reshape(200, 1, 1, 28, 28)
        # Beside digits, canvases have noise and parts of several digits.
        rng = np.random.default_rng(seed)
        for digit in digits[100:100 + count]:
            yield np.clip(digit / 255 + rng.random(digit.shape) * 0.16, 0, 1).astype(np.float32)
        return
    rng = np.random.default_rng(seed)
    _, c, h, w = shape(name)
    y, x = np.mgrid[0:h, 0:w] / h
    for at in range(count):
        image = sum(rng.normal() * np.sin(rng.normal() * 12 * x + rng.normal() * 12 * y + rng.normal(size=(c, 1, 1)) * 3) for _ in range(4))
        image = image + (x > rng.random()) * rng.normal() + rng.normal(size=(c, h, w)) * (0.1 if at % 3 else 0.6)
        yield image[None].astype(np.float32)


class Pictures(CalibrationDataReader):
    def __init__(self, name, port):
        self.all = iter([{port: image} for image in pictures(name, 24)])

    def get_next(self):
        return next(self.all, None)


def float_model(name, out):
    path = out / f"{name}.float.onnx"
    if name == "lenet5":
        onnx.save(onnx.load(ROOT / "fixtures/models/lenet5.onnx"), path)
        return path
    # torchvision does not load without its compiled operators, which no classifier needs.
    for operator in OPERATORS:
        try:
            LIBRARY.define(f"{operator}(Tensor a) -> Tensor")
        except RuntimeError:
            pass
    torch.manual_seed(0)
    if name.startswith("efficientnet_lite"):
        import timm
        model = timm.create_model(name, num_classes=10)
    else:
        import torchvision
        model = getattr(torchvision.models, name)(weights=None, num_classes=10)
    with torch.no_grad():
        # Equal biases would be exported as one, which the quantiser does not take.
        for key, parameter in model.named_parameters():
            if key.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * 0.02)
    model.train()
    with torch.no_grad():
        for seed in range(3):
            model(torch.from_numpy(np.concatenate(list(pictures(name, 8, seed)))))
    model.eval()
    example = torch.zeros(shape(name))
    torch.onnx.export(model, (example,), path, dynamo=False, opset_version=17, input_names=["image"], output_names=["scores"],
                      dynamic_axes={"image": {0: "N"}, "scores": {0: "N"}})
    return path


def main(out, names):
    out.mkdir(parents=True, exist_ok=True)
    for name, form in CASES:
        if names and name not in names:
            continue
        target = out / f"{name}.{form}.onnx"
        if target.exists():
            continue
        source = out / f"{name}.float.onnx"
        if not source.exists():
            source = float_model(name, out)
        prepared = out / f"{name}.prepared.onnx"
        if not prepared.exists():
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        port = onnx.load(prepared).graph.input[0].name
        if form == "dynamic":
            quantize_dynamic(str(prepared), str(target), weight_type=U8)
        else:
            how, activations, weights, per_channel = FORMS[form]
            quantize_static(str(prepared), str(target), Pictures(name, port), quant_format=how, activation_type=activations, weight_type=weights,
                            per_channel=per_channel, extra_options={"UseQDQContribOps": True} if activations == S16 else {})
        print(target, target.stat().st_size, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
