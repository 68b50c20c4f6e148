import { attrDefault, irVersionFor, NEWEST_OPSET, operatorSchema, sinceVersions } from '../../src/ir/operators';
import { operatorTable } from '../../src/ir/operators.generated';

describe('the operator table', () => {
  test('knows in which versions an operator changed', () => {
    expect(sinceVersions('Add')).toEqual([1, 6, 7, 13, 14]);
    expect(sinceVersions('Gelu')).toEqual([20]);
    expect(sinceVersions('NoSuchOperator')).toEqual([]);
    expect(sinceVersions('constructor')).toEqual([]);
    expect(NEWEST_OPSET).toBe(28);
  });

  test('gives the schema that was in force at a version', () => {
    expect(operatorSchema('Clip', 10)?.since).toBe(6);
    expect(operatorSchema('Clip', 10)?.inputs.map((input) => input.name)).toEqual(['input']);
    expect(operatorSchema('Clip')?.inputs.map((input) => [input.name, input.optional])).toEqual([
      ['input', false],
      ['min', true],
      ['max', true],
    ]);
    expect(operatorSchema('Gelu', 19)).toBeUndefined();
    expect(operatorSchema('NoSuchOperator')).toBeUndefined();
  });

  test('tells variadic from single parameters', () => {
    expect(operatorSchema('Concat')?.inputs[0]).toMatchObject({ variadic: true, minimum: 1, homogeneous: true });
    expect(operatorSchema('If')?.outputs[0]).toMatchObject({ variadic: true, minimum: 1, homogeneous: false });
    expect(operatorSchema('Conv')?.inputs[2]).toMatchObject({ name: 'B', optional: true, variadic: false });
  });

  test('has attributes with kind, need and default', () => {
    expect(operatorSchema('Transpose')?.attributes.get('perm')).toMatchObject({ kind: 'ints', required: false, default: undefined });
    expect(operatorSchema('Concat')?.attributes.get('axis')).toMatchObject({ kind: 'int', required: true });
    expect(operatorSchema('Concat', 1)?.attributes.get('axis')).toMatchObject({ required: false });
    expect(attrDefault('Gemm', 'alpha')).toEqual({ kind: 'float', value: 1 });
    expect(attrDefault('BatchNormalization', 'epsilon')).toEqual({ kind: 'float', value: Math.fround(1e-5) });
    expect(attrDefault('Pad', 'mode')).toEqual({ kind: 'string', value: 'constant' });
    expect(attrDefault('LSTM', 'activations')).toBeUndefined();
    expect(attrDefault('Conv', 'no_such_attribute')).toBeUndefined();
    expect(attrDefault('StringNormalizer', 'is_case_sensitive')).toEqual({ kind: 'int', value: 0 });
  });

  test('lists the element types of each type variable', () => {
    expect(operatorSchema('Relu', 13)?.types.get('T')?.has('int8')).toBe(false);
    expect(operatorSchema('Relu', 14)?.types.get('T')?.has('int8')).toBe(true);
    expect(operatorSchema('Shape')?.outputs[0]?.type).toBe('T1');
    expect(operatorSchema('Identity')?.types.get('V')?.has('other')).toBe(true);
  });

  test('marks what ONNX took back', () => {
    expect(operatorSchema('Upsample', 9)?.deprecated).toBe(false);
    expect(operatorSchema('Upsample', 10)?.deprecated).toBe(true);
    expect(operatorSchema('Scatter')?.deprecated).toBe(true);
  });

  test('says which IR version goes with an opset', () => {
    expect([1, 4, 8, 9, 12, 13, 15, 21, 28, 99].map(irVersionFor)).toEqual([3, 3, 3, 4, 7, 7, 8, 10, 14, 14]);
  });

  test('every row expands, and versions ascend', () => {
    for (const [op, rows] of Object.entries(operatorTable.operators)) {
      const versions = rows.map(([since]) => since);
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      for (const version of versions) {
        const schema = operatorSchema(op, version);
        expect(schema?.since).toBe(version);
        for (const parameter of [...(schema?.inputs ?? []), ...(schema?.outputs ?? [])]) {
          expect([
            op,
            parameter.type,
            schema?.types.has(parameter.type) || /^(u?int(8|32|64)|float|bool|string|other)$/.test(parameter.type),
          ]).toEqual([op, parameter.type, true]);
        }
      }
    }
  });
});
