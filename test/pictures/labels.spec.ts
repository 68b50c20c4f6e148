/** Names of classes in the forms in which they lie about, and what a user may call a class. */
import { CompileError } from '../../src/diagnostics/compile-error';
import { labelsFor } from '../../src/pictures/files/labels';
import { findClass, parseLabels, shortName } from '../../src/pictures/labels';

const refusal = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof CompileError) return `${error.diagnostic.code}: ${error.diagnostic.message} / ${error.diagnostic.hint}`;
    throw error;
  }
  throw new Error('not refused');
};

describe('lists of names', () => {
  test.each([
    ['one per line', 'cat\r\ndog, hound\r\n'],
    ['one per line, with WordNet ids', 'n02123045 cat\nn02084071 dog, hound'],
    ['a JSON array', '["cat", "dog, hound"]'],
    ['a JSON object', '\ufeff{"1": "dog, hound", "0": "cat"}'],
    ["Keras's", '{"0": ["n02123045", "cat"], "1": ["n02084071", "dog, hound"]}'],
    ['a Python dictionary', '{0: \'cat\',\n 1: "dog, hound"}'],
    ['a Python dictionary with a comma at its end', "{0: 'cat', 1: 'dog, hound', }"],
  ])('%s', (_, text) => expect(parseLabels(text, 'names')).toEqual(['cat', 'dog, hound']));

  test('quotes in a Python dictionary', () =>
    expect(parseLabels(`{0: 'lady\\'s slipper', 1: "jack-o'-lantern"}`, 'x')).toEqual(["lady's slipper", "jack-o'-lantern"]));

  test.each([
    ['', 'it is empty'],
    ['["a", 1]', "'1' is not an index with a name"],
    ['{"a": "b"}', "'a' is not an index with a name"],
    ['{"0": "a", "2": "b"}', 'there are 2 names, but none for class 1'],
    ['["a", ', 'it is not valid JSON'],
    ["{0: 'a', 1: b}", "the dictionary cannot be read from ' 1: b}' on"],
    ['a\0b', 'it is not text'],
  ])('%p is refused', (text, reason) =>
    expect(refusal(() => parseLabels(text, 'names'))).toContain(`LABELS_INVALID: the names of classes cannot be read: ${reason}`),
  );
});

describe('of ImageNet', () => {
  const names = labelsFor('imagenet', 1000, new Map(), 'm') ?? [];
  test('a thousand, in the usual order; with background in front where there is one more class', () => {
    expect([names.length, names[0], names[207], names[999]]).toEqual([
      1000,
      'tench, Tinca tinca',
      'golden retriever',
      'toilet tissue, toilet paper, bathroom tissue',
    ]);
    const more = labelsFor('imagenet', 1001, new Map(), 'm') ?? [];
    expect([more[0], more[208]]).toEqual(['background', 'golden retriever']);
  });
  test('not for another number of classes', () =>
    expect(refusal(() => labelsFor('imagenet', 10, new Map(), 'm'))).toContain(
      'LABELS_DO_NOT_FIT: there are 1000 names, but the model has 10 classes',
    ));

  test('classes by index, label, one of its names, or part of one', () => {
    const find = (name: string): number => findClass(name, names, 1000);
    expect(['207', 'Golden Retriever', 'tiger cat', 'Tinca tinca', 'espresso maker', 'persian'].map(find)).toEqual([
      207, 207, 282, 0, 550, 283,
    ]);
  });
  test.each([
    ['1000', 'classes are numbered from 0 to 999'],
    ['crane', "several are called so: 134 'crane', 517 'crane'"],
    ['spaniel', 'several are called so: '],
    ['golden retreiver', "did you mean 99 'goose'?"],
    ['quasar', "names are such as 0 'tench, Tinca tinca'"],
  ])('%s is told', (name, hint) => {
    if (name !== 'golden retreiver') expect(refusal(() => findClass(name, names, 1000))).toContain(hint);
    else expect(refusal(() => findClass(name, names, 1000))).toMatch(/did you mean .*207 'golden retriever'/);
  });
  test('short', () => expect(shortName(names[0] ?? '')).toBe('tench'));
});

test('a model without names is asked by index', () => {
  expect(findClass('3', undefined, 10)).toBe(3);
  expect(refusal(() => findClass('cat', undefined, 10))).toContain('give them with --labels, or the index, 0 to 9');
});

describe('in the metadata of a model', () => {
  test.each([
    ['names', "{0: 'cat', 1: 'dog'}"],
    ['labels', '["cat", "dog"]'],
    ['classes', 'cat,dog'],
    ['class_names', 'cat\ndog'],
  ])('%s', (key, text) => expect(labelsFor(undefined, 2, new Map([[key, text]]), 'm')).toEqual(['cat', 'dog']));
  test('of another length they are somebody else’s', () =>
    expect(labelsFor(undefined, 3, new Map([['names', 'a,b']]), 'm')).toBeUndefined());
});
