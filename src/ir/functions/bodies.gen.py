"""Writes bodies.generated.ts: operators that ONNX itself defines by other operators, from the definitions in the `onnx` package.

    pip install onnx==1.23.1
    python src/ir/functions/bodies.gen.py > src/ir/functions/bodies.generated.ts

Only for maintainers. A body may depend on the node that calls it: on attributes, on which inputs and outputs there are, on types and ranks. ONNX has a builder in
C++ for that. This script asks the builder for bodies in thousands of situations, and finds out for each line on which facts of the situation its presence depends.
Numbers and types that come from the call are given as ones that nothing else has, and become placeholders. It then builds every body back from what it found, in
situations that it had not looked at, and stops where one differs.
"""
import itertools
import json
import random
from graphlib import TopologicalSorter

import onnx
from onnx import AttributeProto, TensorProto, TypeProto, defs, helper, numpy_helper

random.seed(1)
# Element types of inputs, each its own; the builders do not look whether they are allowed.
FLOAT, HALF, DOUBLE, BFLOAT = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16
INT64, BOOL = TensorProto.INT64, TensorProto.BOOL


class Fact:
    """One thing that a body may depend on: its values, and what each of them does to the call."""

    def __init__(self, text, values, apply):
        self.text, self.values, self.apply = text, values, apply


class Call:
    def __init__(self, inputs, outputs, types, attributes):
        self.inputs, self.outputs, self.types, self.attributes = list(inputs), list(outputs), dict(types), dict(attributes)


def has(name):
    """Whether an optional input is there."""

    def apply(call, value):
        if not value:
            call.inputs[call.inputs.index(name)] = ""

    return Fact(f"has {name}", [1, 0], apply)


def makes(name):
    def apply(call, value):
        if not value:
            call.outputs[call.outputs.index(name)] = ""

    return Fact(f"makes {name}", [1, 0], apply)


def rank(name, ranks, without=()):
    """`without`: attributes that only lower ranks may have."""

    def apply(call, value):
        call.types[name] = (call.types[name][0], value)
        for attribute in without if value == max(ranks) else ():
            call.attributes.pop(attribute, None)

    return Fact(f"rank {name}", ranks, apply)


def is_bool(name, other):
    def apply(call, value):
        call.types[name] = (BOOL if value else other, call.types[name][1])

    return Fact(f"bool {name}", [0, 1], apply)


def attribute(name, values):
    """An attribute of few values."""

    def apply(call, value):
        call.attributes[name] = value

    return Fact(f"attr {name}", values, apply)


def given(name, placeholder):
    """An attribute that may be left away; where it is there its value is a placeholder."""

    def apply(call, value):
        if value:
            call.attributes[name] = placeholder

    return Fact(f"given {name}", [1, 0], apply)


def nonzero(name, placeholder, none=0):
    """An attribute that does nothing where it is `none`."""

    def apply(call, value):
        call.attributes[name] = placeholder if value else none

    return Fact(f"is not {none} {name}", [1, 0], apply)


def together(*names):
    """Inputs and outputs of which all are there, or none: ONNX has no body otherwise."""

    def apply(call, value):
        for name in names:
            where = call.inputs if name in call.inputs else call.outputs
            if not value:
                where[where.index(name)] = ""

    return Fact(f"together {' '.join(names)}", [1, 0], apply)


# Per operator: inputs, outputs, types and ranks of inputs, attributes whose values are placeholders, facts, and what stands for what in the body.
PLACE = {"@q_num_heads": 7001, "@kv_num_heads": 7003, "@num_heads": 7005, "@rotary_embedding_dim": 7006, "@ignore_index": -7008, "@left_window_size": 7011, "@right_window_size": 7013, "@chunk_size": 7015}
FLOATS = {"@scale": 0.71875, "@softcap": 3.71875, "@alpha": 5.71875}
OPERATORS = {
    "Attention": dict(
        inputs=["Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"],
        outputs=["Y", "present_key", "present_value", "qk_matmul_output"],
        types={"Q": (HALF, 4), "K": (HALF, 4), "V": (DOUBLE, 4), "attn_mask": (BFLOAT, 2), "past_key": (HALF, 4), "past_value": (DOUBLE, 4), "nonpad_kv_seqlen": (INT64, 1)},
        attributes=dict(q_num_heads=7001, kv_num_heads=7003),
        types_of={HALF: "Q", DOUBLE: "V", BFLOAT: "attn_mask"},
        facts=[
            rank("Q", [3, 4], ["q_num_heads", "kv_num_heads"]), has("attn_mask"), is_bool("attn_mask", BFLOAT), together("past_key", "past_value", "present_key", "present_value"), has("nonpad_kv_seqlen"),
            makes("qk_matmul_output"),
            attribute("is_causal", [0, 1]), attribute("qk_matmul_output_mode", [0, 1, 2, 3]),
            given("scale", FLOATS["@scale"]), nonzero("softcap", FLOATS["@softcap"]), given("softmax_precision", 1),
            nonzero("left_window_size", 7011, -1), nonzero("right_window_size", 7013, -1),
        ],
    ),
    "RotaryEmbedding": dict(
        inputs=["X", "cos_cache", "sin_cache", "position_ids"],
        outputs=["Y"],
        types={"X": (HALF, 4), "cos_cache": (HALF, 2), "sin_cache": (HALF, 2), "position_ids": (INT64, 2)},
        attributes=dict(num_heads=7005),
        types_of={HALF: "X"},
        facts=[rank("X", [3, 4]), has("position_ids"), attribute("interleaved", [0, 1]), nonzero("rotary_embedding_dim", 7006)],
    ),
    "CenterCropPad": dict(
        inputs=["input_data", "shape"], outputs=["output_data"], types={"input_data": (HALF, 4), "shape": (INT64, 1)}, attributes={}, types_of={HALF: "input_data"},
        facts=[given("axes", [1, 2])],
    ),
    "NegativeLogLikelihoodLoss": dict(
        inputs=["input", "target", "weight"], outputs=["loss"], types={"input": (HALF, 4), "target": (INT64, 3), "weight": (HALF, 1)}, attributes={}, types_of={HALF: "input"},
        facts=[has("weight"), attribute("reduction", ["mean", "sum", "none"]), given("ignore_index", -7008)],
    ),
    "SoftmaxCrossEntropyLoss": dict(
        inputs=["scores", "labels", "weights"], outputs=["output", "log_prob"], types={"scores": (HALF, 4), "labels": (INT64, 3), "weights": (HALF, 1)}, attributes={}, types_of={HALF: "scores"},
        facts=[has("weights"), makes("log_prob"), attribute("reduction", ["mean", "sum", "none"]), given("ignore_index", -7008)],
    ),
    "SwiGLU": dict(inputs=["A", "B"], outputs=["Y"], types={}, attributes={}, types_of={}, facts=[]),
    "HannWindow": dict(inputs=["size"], outputs=["output"], types={}, attributes={}, types_of={}, facts=[]),
    "HammingWindow": dict(inputs=["size"], outputs=["output"], types={}, attributes={}, types_of={}, facts=[]),
    "BlackmanWindow": dict(inputs=["size"], outputs=["output"], types={}, attributes={}, types_of={}, facts=[]),
}


def body_of(name, spec, situation):
    schema = defs.get_schema(name)
    if schema.has_function:
        return schema.function_body
    call = Call(spec["inputs"], spec["outputs"], spec["types"], spec["attributes"])
    for fact, value in zip(spec["facts"], situation):
        fact.apply(call, value)
    node = helper.make_node(name, call.inputs, call.outputs, **{key: value for key, value in call.attributes.items() if value is not None})
    types = []
    for given_name in spec["inputs"]:
        element, axes = call.types[given_name]
        known = given_name in call.inputs
        types.append((helper.make_tensor_type_proto(element, [f"{given_name}{axis}" for axis in range(axes)]) if known else TypeProto()).SerializeToString())
    function = onnx.FunctionProto()
    function.ParseFromString(schema.get_context_dependent_function(node.SerializeToString(), types))
    return function


def line_of(node, spec):
    """[op, outputs, inputs, attributes] with what comes from the call as `@...`."""
    whole = {value: key for key, value in PLACE.items()}
    real = {value: key for key, value in FLOATS.items()}

    def number(value):
        if isinstance(value, float):
            return real.get(value, whole.get(int(value), value) if value == value and abs(value) != float("inf") else str(value))
        return whole.get(value, value)

    def plain(attr):
        if attr.ref_attr_name:
            return f"@{attr.ref_attr_name}"
        value = helper.get_attribute_value(attr)
        if attr.type == AttributeProto.TENSOR:
            array = numpy_helper.to_array(value)
            element = TensorProto.DataType.Name(value.data_type).lower()
            kind = f"@type {spec['types_of'][value.data_type]}" if value.data_type in spec["types_of"] else element
            return [kind, list(array.shape), [number(item) for item in array.astype("float64" if array.dtype.kind == "f" else array.dtype).flatten().tolist()]]
        if attr.name == "to":
            return f"@type {spec['types_of'][value]}" if value in spec["types_of"] else value
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, (list, tuple)):
            return [number(item) for item in value]
        return number(value)

    assert node.domain in ("", "ai.onnx"), node
    attributes = {attr.name: plain(attr) for attr in node.attribute}
    return json.dumps([node.op_type, " ".join(node.output), ",".join(node.input), attributes], separators=(",", ":"), sort_keys=True)


def condition_of(line, relevant, bodies):
    """Alternatives, each a list of [fact, value] that all hold: no more facts than it takes."""
    view = lambda situation: tuple(situation[index] for index in relevant)
    yes = {view(situation) for situation, lines in bodies.items() if line in lines}
    no = {view(situation) for situation, lines in bodies.items() if line not in lines}
    if yes & no:
        raise SystemExit(f"the facts do not tell about {line}")
    alternatives = set()
    for one in yes:
        literals = list(zip(relevant, one))
        for literal in list(literals):
            shorter = [other for other in literals if other != literal]
            if not any(all(other[relevant.index(index)] == value for index, value in shorter) for other in no):
                literals = shorter
        alternatives.add(tuple(literals))
    return sorted(alternatives)


def holds(condition, situation):
    return any(all(situation[index] == value for index, value in alternative) for alternative in condition)


# Of a situation in which ONNX has no body.
NOTHING = "nothing"


def learn(name, spec):
    facts = spec["facts"]
    every = list(itertools.product(*[fact.values for fact in facts]))
    random.shuffle(every)
    lines_in = lambda situation: [line_of(node, spec) for node in body_of(name, spec, situation).node] or [NOTHING]
    bodies, depends = {}, {}
    # Each fact turned by itself, from many situations: what comes or goes depends on it.
    for situation in every[:60]:
        bodies[situation] = lines_in(situation)
        for index, fact in enumerate(facts):
            for value in fact.values:
                other = (*situation[:index], value, *situation[index + 1 :])
                bodies.setdefault(other, None)
                bodies[other] = bodies[other] or lines_in(other)
                changed = set(bodies[situation]) ^ set(bodies[other])
                for line in [NOTHING] if NOTHING in changed else changed:
                    depends.setdefault(line, set()).add(index)
    unseen = [situation for situation in every if situation not in bodies][:300]
    before = {}
    for lines in bodies.values():
        for first, second in zip([None, *lines], lines):
            before.setdefault(second, set()).update([first] if first else [])
    # Of lines that are free to move the one that was met first: the same text each time.
    order = list(TopologicalSorter(before).static_order())
    sets = {situation: set(lines) for situation, lines in bodies.items()}
    never = condition_of(NOTHING, sorted(depends.get(NOTHING, ())), sets)
    known = {situation: lines for situation, lines in sets.items() if NOTHING not in lines}
    found = [(line, condition_of(line, sorted(depends.get(line, ())), known)) for line in order if line != NOTHING]
    for situation in [*bodies, *unseen]:
        wanted = bodies.get(situation) or lines_in(situation)
        made = [NOTHING] if holds(never, situation) else [line for line, condition in found if holds(condition, situation)]
        assert sorted(made) == sorted(wanted), (name, situation)
    opset = next(entry.version for situation in bodies for entry in body_of(name, spec, situation).opset_import if entry.domain == "")
    return opset, never, [(line, [] if condition == [()] else condition) for line, condition in found]


def main():
    print(f"""/**
 * Operators that ONNX defines by others. Written by bodies.gen.py from the definitions in onnx {onnx.__version__}: do not edit.
 * Read through index.ts, which also documents the notation.
 */
// biome-ignore-all format: generated
import {{ table }} from '../table';
import type {{ FunctionText }} from '.';

export const bodies: Readonly<Record<string, FunctionText>> = table({{""")
    for name, spec in OPERATORS.items():
        opset, never, lines = learn(name, spec)
        schema = defs.get_schema(name)
        print(f"  {name}: {{")
        print(f"    since: {schema.since_version},")
        print(f"    opset: {opset},")
        print(f"    inputs: {json.dumps(' '.join(parameter.name for parameter in schema.inputs))},")
        print(f"    outputs: {json.dumps(' '.join(parameter.name for parameter in schema.outputs))},")
        print(f"    facts: {json.dumps([[fact.text, fact.values] for fact in spec['facts']])},")
        print(f"    never: '{json.dumps(never, separators=(',', ':'))}',")
        print("    lines: [")
        for line, condition in lines:
            text = line[:-1] + ("," + json.dumps(condition, separators=(",", ":")) if condition else "") + "]"
            print(f"      '{text}',")
        print("    ],\n  },")
    print("});")


main()
