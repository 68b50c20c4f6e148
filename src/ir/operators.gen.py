"""Writes operators.generated.ts: every operator of ONNX's own domain in every version, from the definitions in the `onnx` package.

    pip install onnx==1.23.1
    python src/ir/operators.gen.py > src/ir/operators.generated.ts

Only for maintainers, when a new ONNX release adds an opset: the product reads the generated file and needs no Python.
After regenerating, run the tests under test/ir and test/onnx/opset: they list each version step that nobody has judged yet.
"""
import json

import onnx
from onnx import defs, helper

schemas = [schema for schema in defs.get_all_schemas_with_history() if schema.domain == ""]


class Pool:
    """Equal entries are stored once."""

    def __init__(self):
        self.items, self.index = [], {}

    def add(self, item):
        if item not in self.index:
            self.index[item] = len(self.items)
            self.items.append(item)
        return self.index[item]


def dtype(name):
    """`tensor(float)` is `float`; sequences, maps and optionals are `other`, of which the IR knows no more."""
    return name[7:-1] if name.startswith("tensor(") else "other"


def formal(parameter, variables):
    option = str(parameter.option).rsplit(".", 1)[-1]
    suffix = {"Single": "", "Optional": "?"}.get(option)
    if suffix is None:
        suffix = f"*{parameter.min_arity}" + ("" if parameter.is_homogeneous else "!")
    variable = parameter.type_str if parameter.type_str in variables else dtype(parameter.type_str)
    return f"{parameter.name.rstrip('.')}:{variable}{suffix}"


def attribute(schema):
    kind = str(schema.type).rsplit(".", 1)[-1].lower()
    kind = kind if kind in ("int", "ints", "float", "floats", "string", "strings", "tensor", "tensors", "graph", "graphs") else "opaque"
    if not schema.default_value.type:
        return kind + ("!" if schema.required else "")
    default = helper.get_attribute_value(schema.default_value)
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    return [kind, [text(value) for value in default] if isinstance(default, (list, tuple)) else text(default)]


type_sets, signatures, operators = Pool(), Pool(), {}
for schema in sorted(schemas, key=lambda schema: (schema.name, schema.since_version)):
    variables = {constraint.type_param_str: constraint for constraint in schema.type_constraints}
    signature = json.dumps(
        [
            " ".join(formal(parameter, variables) for parameter in schema.inputs),
            " ".join(formal(parameter, variables) for parameter in schema.outputs),
            {name: attribute(schema.attributes[name]) for name in sorted(schema.attributes)},
        ],
        separators=(", ", ": "),
    )
    used = {parameter.type_str for parameter in [*schema.inputs, *schema.outputs]}
    types = " ".join(
        f"{name}={type_sets.add(' '.join(sorted({dtype(allowed) for allowed in constraint.allowed_type_strs})))}"
        for name, constraint in sorted(variables.items())
        if name in used
    )
    version = [schema.since_version, signatures.add(signature), types] + (["deprecated"] if schema.deprecated else [])
    operators.setdefault(schema.name, []).append(json.dumps(version))

ir_versions = {}
for row in helper.VERSION_TABLE:
    ir_versions.setdefault(row[2], row[1])

print(f"""/**
 * Every operator of ONNX's own domain in every version. Written by operators.gen.py from the definitions in onnx {onnx.__version__}: do not edit.
 * Read through operators.ts, which also documents the notation.
 */
// biome-ignore-all format: generated
import type {{ OperatorTable }} from './operators';

export const operatorTable = {{
  newest: {defs.onnx_opset_version()},
  irVersions: {json.dumps({str(opset): ir for opset, ir in sorted(ir_versions.items())})},
  typeSets: [""")
for item in type_sets.items:
    print(f"    {json.dumps(item)},")
print("  ],\n  signatures: [")
for item in signatures.items:
    print(f"    {item},")
print("  ],\n  operators: {")
for name in sorted(operators):
    print(f"    {json.dumps(name)}: [{', '.join(operators[name])}],")
print("  },\n} satisfies OperatorTable;")
