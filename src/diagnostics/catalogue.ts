/**
 * Every error a user can meet: its code, its sentence and its hint, one function each.
 * Sections follow the folders of src/. docs/diagnostics.md is generated from here.
 */
import type { Node, Value } from '../ir/types';
import { CompileError, type Location } from './compile-error';

/** Where a node is, for a diagnostic. */
export const locate = (node: Node): Location => ({ node: node.name, op: node.op, origin: node.origin });
/** Where a value is, for a diagnostic. */
export const locateValue = (value: Value): Location => ({ value: value.name, ...(value.producer ? locate(value.producer) : {}) });

// ---- ir ----
export const cyclicGraph = (names: readonly string[]): CompileError =>
  new CompileError({
    code: 'CYCLIC_GRAPH',
    message: `the graph has a cycle: ${names.join(' -> ')}`,
    at: { node: names[0] },
    hint: 'an ONNX graph must be acyclic; export the model anew',
  });

// ---- onnx ----

// ---- node (files) ----

// ---- onnx/text ----

// ---- rewrite and pass ----

// ---- compile ----

// ---- verify ----

// ---- cli ----
