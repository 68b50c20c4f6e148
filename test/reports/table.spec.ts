import { bytes, grouped, rounded, table } from '../../src/reports/table';

test('aligns columns and leaves no blanks at the end', () => {
  expect(
    table(
      [{ title: 'name' }, { title: 'count', align: 'right' }, { title: 'note' }],
      [
        ['a', '1', ''],
        ['größer', '1,000', 'x'],
      ],
      '  ',
    ),
  ).toEqual(['  name    count  note', '  a           1', '  größer  1,000  x']);
});

test('has no line of titles where no column has one', () => {
  expect(table([{ title: '' }, { title: '' }], [['a', 'b']])).toEqual(['a  b']);
});

test.each([
  [0, '0', '0', '0 bytes'],
  [999, '999', '999', '999 bytes'],
  [61_100_840, '61,100,840', '61.1 M', '61.1 MB'],
  [714_188_480, '714,188,480', '714 M', '714 MB'],
  [19_600_000_000, '19,600,000,000', '19.6 G', '19.6 GB'],
])('prints %d', (value, full, short, size) => {
  expect([grouped(value), rounded(value), bytes(value)]).toEqual([full, short, size]);
});
