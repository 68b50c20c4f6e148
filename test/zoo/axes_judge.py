"""npm run zoo:axes -- [--folder FOLDER] [--heads window,cell,image,stride] [--write] [NAME ...]

Makes the networks of axes.py, converts each with the program in dist/, and judges what it wrote by PyTorch and ONNX Runtime alone; PYTHON names a Python that has
torch, torchvision, onnx and onnxruntime. `--write` puts the table into docs/axes.md (all networks that FOLDER has results of).

A network is a trunk and a head (axes.py). On an image larger than the window, the map must be, cell by cell, the head on the windows of the trunk's map: computed
here in PyTorch, from the modules that were exported. Where no layer pads, that is the network on crops, which ONNX Runtime runs the original on.
"""
import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
import torch

import axes

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HEADS = ["window", "cell", "image", "stride"]


def session(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def said(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def first(text):
    return next(iter(json.loads(text).values()))


def largest(x, y):
    """Largest difference, of the largest number."""
    if x.shape != y.shape:
        raise AssertionError(f"shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise AssertionError("numbers that are not finite")
    return float(np.abs(x - y).max() / max(np.abs(y).max(), 1e-9))


def windows(net, x, size, scores_only=False):
    """The head on every window of `size` cells of the trunk's map, as a map; `scores_only`: without the softmax behind it, which a head per cell leaves out."""
    head = net.head
    if scores_only and isinstance(head, torch.nn.Sequential):
        head = torch.nn.Sequential(*(part for part in head if not isinstance(part, (torch.nn.Softmax, torch.nn.LogSoftmax))))
    with torch.no_grad():
        features = net.trunk(torch.from_numpy(x))
        counts = [length - own + 1 for length, own in zip(features.shape[2:], size)]
        cells = {}
        for place in itertools.product(*map(range, counts)):
            part = features[(slice(None), slice(None), *(slice(at, at + own) for at, own in zip(place, size)))]
            cells[place] = head(part)[0].numpy()
    result = np.zeros((1, len(next(iter(cells.values()))), *counts), np.float32)
    for place, scores in cells.items():
        result[(0, slice(None), *place)] = scores
    return result


def judge(name, head, original, converted, extra):
    net, shape = axes.network(name)
    meta = said(converted)
    a, b = session(original), session(converted)
    free = [axis for axis, length in enumerate(b.get_inputs()[0].shape) if isinstance(length, str)]
    run = lambda model, x: model.run(None, {"x": x})[0]
    random = np.random.default_rng(7)
    x = random.standard_normal(shape, dtype=np.float32)
    with torch.no_grad():
        cells = net.trunk(torch.zeros(shape)).shape[2:]
    at_original = run(a, x)
    alone = head == "cell" and net.single
    if alone:
        at_original = windows(net, x, cells, scores_only=True)
    y = run(b, x)
    stride = first(meta["convolutionize.stride"])
    figures = {}
    if alone:
        figures["original"] = largest(y.mean(axis=tuple(range(2, y.ndim))).reshape(at_original.shape), at_original)
    else:
        coarse = y if head != "stride" else y[tuple([slice(None)] * 2 + [slice(0, 1)] * (y.ndim - 2))]
        figures["original"] = largest(coarse.reshape(at_original.shape), at_original)
    worst, compared, crops = 0.0, 0, None
    for more in ([2, 1, 1], [1, 3, 2]):
        large = list(shape)
        for at, axis in enumerate(free):
            large[axis] += int(more[at % 3] * (stride[axis - 2] if len(stride) == len(shape) - 2 else stride[at]) * extra.get("ratio", 1)) + at
        x = random.standard_normal(large, dtype=np.float32)
        y = run(b, x)
        if head == "window":
            expected = windows(net, x, cells)
            if meta["convolutionize.contract"] == "everywhere":
                crops = max(crops or 0, cropped(lambda part: run(a, part), x, y, shape, stride))
        elif head == "cell":
            expected = windows(net, x, [1] * len(cells) if alone else cells, scores_only=alone)
        elif head == "image":
            expected = windows(net, x, cells)
            expected = expected.mean(axis=tuple(range(2, expected.ndim))).reshape(y.shape)
        else:
            # Every so manieth cell of the finer map is a cell of the network's own map.
            expected = windows(net, x, cells)
            y = y[tuple([slice(None)] * 2 + [slice(None, None, ratio) for ratio in extra["ratios"]])]
            if meta["convolutionize.contract"] == "everywhere":
                crops = max(crops or 0, cropped(lambda part: run(a, part), x, run(b, x), shape, stride))
        worst = max(worst, largest(y, expected))
        compared += int(np.prod(y.shape[2:])) if y.ndim > 2 else 1
    figures.update(larger=worst, cells=compared, crops=crops, contract=meta["convolutionize.contract"], stride=stride, map=b.get_outputs()[0].shape)
    return figures


def cropped(run, x, y, shape, stride):
    """The original on the crop of each cell."""
    worst = 0.0
    for place in itertools.product(*map(range, y.shape[2:])):
        crop = tuple(slice(int(at * step), int(at * step) + length) for at, step, length in zip(place, stride, shape[2:]))
        worst = max(worst, largest(y[(0, slice(None), *place)][None], run(np.ascontiguousarray(x[(slice(None), slice(None), *crop)]))))
    return worst


def converted(name, head, folder, window_stride):
    """Converts with the program; the outcome and what it said."""
    source, target = os.path.join(folder, f"{name}.onnx"), os.path.join(folder, f"{name}.{head}.onnx")
    options = ["--head", head] if head != "stride" else ["--stride", "x".join(str(step // 2 if step % 2 == 0 else step) for step in window_stride)]
    begun = time.time()
    call = subprocess.run(["node", os.path.join(ROOT, "dist", "cli.js"), "convert", source, "-o", target, "--force", *options], capture_output=True, text=True)
    text = call.stdout + call.stderr
    verdict = re.search(r"verdict +([a-z ]+)", text)
    reason = re.search(r"error\[?[A-Z_]*\]?:? ?([^\n]*)", text)
    return target, call.returncode, verdict.group(1).strip() if verdict else "", reason.group(0)[:200] if reason else "", time.time() - begun


def one(name, heads, folder):
    rows, stride = [], None
    source = os.path.join(folder, f"{name}.onnx")
    if not os.path.exists(source):
        axes.export(name, source)
    for head in heads:
        if head == "stride":
            known = os.path.join(folder, f"{name}.window.onnx")
            stride = [int(step) for step in first(said(known)["convolutionize.stride"])] if os.path.exists(known) else []
            if not any(step % 2 == 0 for step in stride):
                continue
        target, code, verdict, reason, seconds = converted(name, head, folder, stride)
        row = {"name": name, "head": head, "code": code, "verdict": verdict, "reason": reason, "seconds": seconds}
        if code == 0:
            try:
                row.update(judge(name, head, source, target, {"ratio": 2, "ratios": [2 if step % 2 == 0 else 1 for step in stride]} if head == "stride" else {}))
            except (AssertionError, RuntimeError, KeyError) as error:
                row["wrong"] = str(error)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def table(rows):
    lines = ["| network | head | contract | the program's verdict | at its own size | larger images | crops |", "|---|---|---|---|---|---|---|"]
    number = lambda value: "" if value is None else f"{value:.0e}".replace("e-0", "e-")
    for row in rows:
        if row["code"] != 0:
            lines.append(f"| {row['name']} | {row['head']} | refused: {row['reason'].replace('|', '/')} | | | | |")
        else:
            lines.append(
                f"| {row['name']} | {row['head']} | {row.get('contract', '')} | {row['verdict']} | {number(row.get('original'))} | {row.get('wrong') or number(row['larger'])}"
                f" of {row.get('cells', 0)} cells | {number(row.get('crops'))} |"
            )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="/tmp/convolutionize-axes")
    parser.add_argument("--heads", default=",".join(HEADS))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    os.makedirs(given.folder, exist_ok=True)
    memory = os.path.join(given.folder, "results.json")
    known = json.load(open(memory)) if os.path.exists(memory) else {}
    for name in given.names or axes.NETWORKS:
        for row in one(name, given.heads.split(","), given.folder):
            known[f"{name} {row['head']}"] = row
        json.dump(known, open(memory, "w"), indent=1)
    rows = [known[f"{name} {head}"] for name in axes.NETWORKS for head in HEADS if f"{name} {head}" in known]
    print(table(rows))
    if given.write:
        path = os.path.join(ROOT, "docs", "axes.md")
        text = open(path).read()
        begin, end = "<!-- zoo:axes -->\n", "<!-- /zoo:axes -->"
        open(path, "w").write(text[: text.index(begin) + len(begin)] + table(rows) + "\n" + text[text.index(end) :])
    wrong = [row for row in known.values() if row["code"] == 0 and ("wrong" in row or max(row["original"], row["larger"], row["crops"] or 0) > 1e-4)]
    for row in wrong:
        print("WRONG", json.dumps(row))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
