import { inputSize, names, notNegative, wholeNumber } from '../../src/cli/values';
import { codeOf } from '../support/code-of';

describe('--input-size', () => {
  test.each([
    ['224x192', { lengths: [224, 192], shapes: new Map() }],
    ['224', { lengths: [224], shapes: new Map() }],
    ['1,3,224,192', { lengths: undefined, shapes: new Map([['', [1, 3, 224, 192]]]) }],
    ['x:1,3,224,192', { lengths: undefined, shapes: new Map([['x', [1, 3, 224, 192]]]) }],
    ['x:[1,3,224,192]', { lengths: undefined, shapes: new Map([['x', [1, 3, 224, 192]]]) }],
    ['input:0:1,3,224,192', { lengths: undefined, shapes: new Map([['input:0', [1, 3, 224, 192]]]) }],
  ])('reads %s', (text, expected) => {
    expect(inputSize([text])).toEqual(expected);
  });

  test('may be given once per input', () => {
    expect([...(inputSize(['a:1,3,8,8', 'b:1,1,4,4']).shapes ?? [])]).toEqual([
      ['a', [1, 3, 8, 8]],
      ['b', [1, 1, 4, 4]],
    ]);
  });

  test.each(['', 'x', '224x', '0x224', '-1', '1,3,0,4', 'x:', '1.5', '99999999999999999999x1', '224 x 224'])('refuses %j', (text) => {
    expect(codeOf(() => inputSize([text]))).toBe('BAD_OPTION');
  });
});

test('lists may be written with commas or repeated', () => {
  expect(names(['a,b', ' c '])).toEqual(['a', 'b', 'c']);
  expect(names(undefined)).toBeUndefined();
});

test.each([
  ['1e-5', 1e-5],
  ['0', 0],
  [undefined, undefined],
])('reads the tolerance %s', (text, value) => {
  expect(notNegative('rtol', text)).toBe(value);
});

test.each(['', '-1', 'x', 'Infinity', 'NaN'])('refuses the tolerance %j', (text) => {
  expect(codeOf(() => notNegative('rtol', text))).toBe('BAD_OPTION');
});

test('reads seeds', () => {
  expect(wholeNumber('seed', '42')).toBe(42);
  for (const text of ['', '-1', '1.5', '4294967296', '0x10']) expect(codeOf(() => wholeNumber('seed', text))).toBe('BAD_OPTION');
});
