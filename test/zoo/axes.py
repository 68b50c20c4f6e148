"""Networks over one, two and three axes as PyTorch exports them, with weights from a seed: test/zoo/axes.py FOLDER [NAME ...]

`npm run zoo:axes` makes, converts and judges them: see axes_judge.py. Needs torch, torchvision and onnx; torchvision's compiled operators are not
needed (and do not load beside every torch): they are declared, so that its networks can be imported.
"""
import functools
import importlib.util
import os
import re
import sys

import torch
from torch import nn


@functools.cache
def video_models():
    root = os.path.dirname(importlib.util.find_spec("torchvision").origin)
    text = open(os.path.join(root, "_meta_registrations.py")).read()
    library = torch.library.Library("torchvision", "DEF")
    for name in sorted(set(re.findall(r'"torchvision::(\w+)"|register_meta\("(\w+)"\)', text)), key=str):
        try:
            library.define(f"{name[0] or name[1]}(Tensor a) -> Tensor")
        except RuntimeError:
            pass
    from torchvision.models import video

    video_models.library = library
    return video


class Split(nn.Module):
    """A classifier as a trunk that slides and a head that reads a window of its map. `single`: whether the head also works on one cell, as a mean does."""

    def __init__(self, trunk, head, single=True):
        super().__init__()
        self.trunk, self.head, self.single = trunk, head, single

    def forward(self, x):
        return self.head(self.trunk(x))


class Residual(nn.Module):
    def __init__(self, body, skip=None):
        super().__init__()
        self.body, self.skip = body, skip or nn.Identity()

    def forward(self, x):
        return torch.relu(self.body(x) + self.skip(x))


class Mean(nn.Module):
    def __init__(self, *axes):
        super().__init__()
        self.axes = axes

    def forward(self, x):
        return x.mean(self.axes)


def conv1(i, o, k, s=1, p=0, d=1):
    return [nn.Conv1d(i, o, k, s, p, d), nn.BatchNorm1d(o), nn.ReLU()]


def m_net(counts, width):
    """M5 and M11 on raw audio: Dai et al. 2016, Very deep convolutional neural networks for raw waveforms."""
    layers, i = [*conv1(1, width, 80, 4), nn.MaxPool1d(4)], width
    for at, count in enumerate(counts):
        o = width * 2**at
        for _ in range(count):
            layers += conv1(i, o, 3, 1, 1)
            i = o
        if at < len(counts) - 1:
            layers += [nn.MaxPool1d(4)]
    return Split(nn.Sequential(*layers), nn.Sequential(Mean(2), nn.Linear(i, 10), nn.LogSoftmax(1)))


def resnet1d():
    layers, i = [*conv1(12, 32, 15, 2, 7), nn.MaxPool1d(3, 2, 1)], 32
    for o in (32, 64, 128):
        s = 1 if o == i else 2
        body = nn.Sequential(*conv1(i, o, 7, s, 3), nn.Conv1d(o, o, 7, 1, 3), nn.BatchNorm1d(o))
        layers += [Residual(body, None if s == 1 else nn.Sequential(nn.Conv1d(i, o, 1, s), nn.BatchNorm1d(o)))]
        i = o
    return Split(nn.Sequential(*layers), pooled(1, i, 5))


def pooled(axes, features, classes):
    return nn.Sequential((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[axes - 1](1), nn.Flatten(), nn.Linear(features, classes))


class Inception(nn.Module):
    def __init__(self, i, n=16):
        super().__init__()
        self.neck = nn.Conv1d(i, n, 1, bias=False)
        self.convs = nn.ModuleList(nn.Conv1d(n, n, k, padding=k // 2, bias=False) for k in (39, 19, 9))
        self.pool = nn.Sequential(nn.MaxPool1d(3, 1, 1), nn.Conv1d(i, n, 1, bias=False))
        self.norm = nn.BatchNorm1d(4 * n)

    def forward(self, x):
        y = self.neck(x)
        return torch.relu(self.norm(torch.cat([*(conv(y) for conv in self.convs), self.pool(x)], 1)))


def inception_time():
    three = lambda i: nn.Sequential(Inception(i), Inception(64), Inception(64))
    skip = lambda i: nn.Sequential(nn.Conv1d(i, 64, 1, bias=False), nn.BatchNorm1d(64))
    return Split(nn.Sequential(Residual(three(3), skip(3)), Residual(three(64), skip(64))), pooled(1, 64, 4))


class WaveNet(nn.Module):
    def __init__(self, n=24):
        super().__init__()
        self.stem = nn.Conv1d(1, n, 2)
        self.gates = nn.ModuleList(nn.Conv1d(n, 2 * n, 2, dilation=2**at) for at in range(7))
        self.skips = nn.ModuleList(nn.Conv1d(n, n, 1) for _ in range(7))
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(n, n, 1), nn.ReLU())

    def forward(self, x):
        x, total = self.stem(x), None
        for gate, skip in zip(self.gates, self.skips):
            a, b = gate(x).chunk(2, 1)
            y = torch.tanh(a) * torch.sigmoid(b)
            x = x[:, :, -y.shape[2] :] + y
            total = skip(y) if total is None else total[:, :, -y.shape[2] :] + skip(y)
        return self.last(total)


class Cnn14(nn.Module):
    """PANNs: a batch norm over mel bins, then blocks of two convolutions."""

    def __init__(self, widths, bins=64):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(bins)
        blocks, i = [], 1
        for o in widths:
            blocks += [nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
            blocks += [nn.AvgPool2d(2)]
            i = o
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x):
        return self.blocks(self.bn0(x.transpose(1, 3)).transpose(1, 3))


class Cnn14Head(nn.Module):
    """The mean over bins, maximum plus mean over time."""

    def __init__(self, i, classes=50):
        super().__init__()
        self.fc1, self.out = nn.Linear(i, i), nn.Linear(i, classes)

    def forward(self, x):
        x = x.mean(3)
        x = x.max(2)[0] + x.mean(2)
        return torch.sigmoid(self.out(torch.relu(self.fc1(x))))


class Turned(nn.Module):
    """VGGish: fully connected layers over the map in the order of TensorFlow."""

    def forward(self, x):
        return x.transpose(1, 3).transpose(1, 2).flatten(1)


def vggish():
    layers, i = [], 1
    for o, count in ((16, 1), (32, 1), (64, 2), (128, 2)):
        for _ in range(count):
            layers += [nn.Conv2d(i, o, 3, 1, 1), nn.ReLU()]
            i = o
        layers += [nn.MaxPool2d(2, 2)]
    head = nn.Sequential(Turned(), nn.Linear(128 * 24, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())
    return Split(nn.Sequential(*layers), head, single=False)


class Recurrent(nn.Module):
    """A recurrent layer over the frames, and its last state."""

    def __init__(self):
        super().__init__()
        self.gru, self.fc = nn.GRU(16 * 10, 24, batch_first=True), nn.Linear(24, 12)

    def forward(self, x):
        return self.fc(self.gru(x.permute(0, 2, 1, 3).flatten(2))[0][:, -1])


def crnn():
    conv = nn.Sequential(nn.Conv2d(1, 8, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2))
    return Split(conv, Recurrent(), single=False)


class Dense3(nn.Module):
    def __init__(self, i, growth=32):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm3d(i), nn.ReLU(), nn.Conv3d(i, 4 * growth, 1, bias=False), nn.BatchNorm3d(4 * growth), nn.ReLU(), nn.Conv3d(4 * growth, growth, 3, padding=1, bias=False)
        )

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def densenet3d(blocks=(6, 12, 24, 16)):
    layers, i = [nn.Conv3d(1, 64, 7, 2, 3, bias=False), nn.BatchNorm3d(64), nn.ReLU(), nn.MaxPool3d(3, 2, 1)], 64
    for at, count in enumerate(blocks):
        for _ in range(count):
            layers += [Dense3(i)]
            i += 32
        if at < len(blocks) - 1:
            layers += [nn.BatchNorm3d(i), nn.ReLU(), nn.Conv3d(i, i // 2, 1, bias=False), nn.AvgPool3d(2, 2)]
            i //= 2
    return Split(nn.Sequential(*layers, nn.BatchNorm3d(i), nn.ReLU()), pooled(3, i, 2))


def resnet18(channels):
    video_models()
    from torchvision.models import resnet18 as make

    net = make(weights=None)
    net.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    trunk = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4)
    return Split(trunk, nn.Sequential(net.avgpool, nn.Flatten(), net.fc))


def video(name):
    net = getattr(video_models(), name)(weights=None)
    if name == "s3d":
        # Its pool is as large as the map, without a word of "adaptive"; the mean behind the classifier is over what remains.
        return Split(net.features, nn.Sequential(net.avgpool, net.classifier, Mean(2, 3, 4)), single=False)
    return Split(nn.Sequential(net.stem, net.layer1, net.layer2, net.layer3, net.layer4), nn.Sequential(net.avgpool, nn.Flatten(), net.fc))


NETWORKS = {
    "m5": (lambda: m_net((1, 1, 1, 1), 32), (1, 1, 8000)),
    "m11": (lambda: m_net((2, 2, 3, 2), 64), (1, 1, 8000)),
    "resnet1d": (resnet1d, (1, 12, 1000)),
    "inception_time": (inception_time, (1, 3, 256)),
    "wavenet": (lambda: Split(WaveNet(), pooled(1, 24, 8)), (1, 1, 512)),
    "cnn14_like": (lambda: Split(Cnn14((16, 32, 64, 128)), Cnn14Head(128), single=False), (1, 1, 96, 64)),
    "vggish_like": (vggish, (1, 1, 96, 64)),
    "crnn": (crnn, (1, 1, 64, 40)),
    "resnet18_1_channel": (lambda: resnet18(1), (1, 1, 96, 96)),
    "resnet18_4_channels": (lambda: resnet18(4), (1, 4, 96, 96)),
    "resnet18_13_channels": (lambda: resnet18(13), (1, 13, 96, 96)),
    "r3d_18": (lambda: video("r3d_18"), (1, 3, 8, 56, 56)),
    "mc3_18": (lambda: video("mc3_18"), (1, 3, 8, 56, 56)),
    "r2plus1d_18": (lambda: video("r2plus1d_18"), (1, 3, 8, 56, 56)),
    "densenet121_3d": (densenet3d, (1, 1, 32, 32, 32)),
    "s3d": (lambda: video("s3d"), (1, 3, 16, 224, 224)),
}


def network(name):
    """The network with its weights, and the shape of its input."""
    make, shape = NETWORKS[name]
    torch.manual_seed(1)
    net = make().eval()
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net, shape


def export(name, path):
    net, shape = network(name)
    torch.onnx.export(net, torch.randn(shape), path, dynamo=False, input_names=["x"], output_names=["scores"], opset_version=17)


def main(folder, *names):
    os.makedirs(folder, exist_ok=True)
    for name in names or NETWORKS:
        export(name, os.path.join(folder, f"{name}.onnx"))


if __name__ == "__main__":
    main(*sys.argv[1:])
