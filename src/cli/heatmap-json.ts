/** Heat map data for other programs: JSON, and a table of peaks. Pictures use rows and columns, x and y; everything else uses the names of its axes. */
import { printable } from '../diagnostics/format';
import { axisName, type Letter, perAxis, perPlaces, placesName } from '../ir/spatial';
import { countsOf, type Peak } from '../pictures/grid';
import type { Unit } from '../sources/source';
import { contractText, type HeatFacts } from './heatmap-report';

const plain = (value: number): string => String(Number(value.toFixed(2)));
/** Singular of an axis name: sample, frame, row, column. */
export const onePlace = (letter: Letter): string => placesName(letter).slice(0, -1);

export function json(facts: HeatFacts): object {
  const { args, output, image, letters, named, heat, shown, name, network, whole, crops, centre, scales, unit } = facts;
  return {
    model: args.model,
    picture: args.picture,
    size: perAxis(letters, (_, axis) => image.lengths[axis] ?? 0),
    ...(image.units && { units: perPlaces(letters, (_, axis) => image.units?.[axis] ?? null) }),
    pixels: named,
    head: network.head ?? null,
    headReason: network.reason ?? null,
    converted: network.converted,
    runtime: network.runtime() ?? null,
    contract: network.contract?.kind ?? null,
    meaning: contractText(facts) ?? null,
    output,
    map:
      args.map === undefined
        ? null
        : {
            path: args.map,
            shape: [heat.classes.length, ...countsOf(heat.grid)],
            classes: heat.classes.map(({ index }) => index),
          },
    grid: perPlaces(letters, (_, axis) => heat.grid[axis]),
    centre: centre ? perPlaces(letters, (_, axis) => centre[axis]) : null,
    scales,
    views: heat.views.map((view) => ({ ...view, size: perAxis(letters, (_, axis) => view.size[axis]) })),
    chosenBy: args.class ? 'class' : whole ? 'whole picture' : 'local peaks',
    whole: whole ?? null,
    kind: unit,
    shown: shown.map((item, at) => ({
      class: item.index,
      name: name(item),
      peak: peakJson(item.peak, letters, image.units),
      onCrop: crops?.[at] ?? null,
    })),
  };
}

const isPicture = (letters: readonly Letter[]): boolean => letters.join('') === 'HW';

function peakJson(
  { at, score, place, window, cell, scale, flipped }: Peak,
  letters: readonly Letter[],
  units: HeatFacts['image']['units'],
): object {
  const rest = { scale, flipped };
  if (isPicture(letters)) {
    const [[row, column], [y, x], [top, left], [height, width]] = [at, place, window.starts, window.lengths];
    return { row, column, score, place: { y, x }, window: { top, left, height, width }, cell: { row: cell[0], column: cell[1] }, ...rest };
  }
  const by = (list: readonly number[]) => perPlaces(letters, (_, axis) => list[axis]);
  return {
    at: by(at),
    score,
    place: by(place),
    ...(units?.some((unit) => unit) && { measured: perPlaces(letters, (_, axis) => inUnits(place[axis] ?? 0, units[axis])) }),
    window: { starts: by(window.starts), lengths: perAxis(letters, (_, axis) => window.lengths[axis]) },
    cell: by(cell),
    ...rest,
  };
}

const inUnits = (place: number, unit: Unit | undefined): number | null => (unit ? Number((place * unit.size).toPrecision(9)) : null);

/** All local maxima of the classes shown, highest first within each class. */
export function csv({ shown, name, letters, image }: HeatFacts): string {
  const quoted = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  // Spreadsheets treat text that starts like a formula as one.
  const plainText = (text: string): string => quoted(printable(/^[=+@-]/.test(text) ? `'${text}` : text));
  const measured = letters.flatMap((letter, axis) => {
    const unit = image.units?.[axis];
    return unit ? [{ letter, axis, unit }] : [];
  });
  const rows = shown.flatMap((item) =>
    item
      .peaks()
      .map(({ score, place, window, scale, flipped }) =>
        [
          item.index,
          plainText(name(item)),
          Math.fround(score),
          ...[...place, ...window.starts, ...window.lengths].map(plain),
          ...measured.flatMap(({ axis, unit }) =>
            [place[axis], window.starts[axis], window.lengths[axis]].map((value = 0) => Number((value * unit.size).toPrecision(9))),
          ),
          scale,
          flipped ? 1 : 0,
        ].join(','),
      ),
  );
  const axes = isPicture(letters)
    ? ['row', 'column', 'top', 'left', 'height', 'width']
    : [
        ...letters.map(onePlace),
        ...letters.map((letter) => `first ${onePlace(letter)}`),
        ...letters.map((letter) => `${axisName(letter)} of window`),
      ];
  const units = measured.flatMap(({ letter, unit }) => {
    const per = measured.length > 1 ? ` of ${axisName(letter)}` : '';
    return [`${unit.name}${per}`, `first ${unit.name}${per}`, `${unit.name}${per} of window`];
  });
  return [['class', 'name', 'score', ...axes, ...units, 'scale', 'mirrored'].join(','), ...rows, ''].join('\n');
}
