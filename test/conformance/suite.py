"""Writes the conformance suite of ONNX, as the onnx package makes it, to a directory: python suite.py DIRECTORY

One folder for each test: model.onnx, test_data_set_0/input_0.pb ..., output_0.pb ... (newer versions of onnx no longer ship these files).
"""
import os
import sys
import warnings

import numpy
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def main(directory: str) -> None:
    warnings.filterwarnings("ignore")
    for case in collect_testcases(None):
        if case.model is None:
            continue
        folder = os.path.join(directory, case.name)
        for index, (inputs, outputs) in enumerate(case.data_sets):
            data = os.path.join(folder, f"test_data_set_{index}")
            os.makedirs(data, exist_ok=True)
            for kind, values, infos in (("input", inputs, case.model.graph.input), ("output", outputs, case.model.graph.output)):
                for at, value in enumerate(values):
                    if value is None or isinstance(value, (list, tuple, dict)):
                        continue  # sequences, maps, optionals: no tensors
                    proto = value if hasattr(value, "SerializeToString") else numpy_helper.from_array(numpy.asarray(value), infos[at].name)
                    with open(os.path.join(data, f"{kind}_{at}.pb"), "wb") as file:
                        file.write(proto.SerializeToString())
        with open(os.path.join(folder, "model.onnx"), "wb") as file:
            file.write(case.model.SerializeToString())


main(sys.argv[1])
