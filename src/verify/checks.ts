/** The checks, each comparing what is expected with what the converted model gave. */
import { CompileError } from '../diagnostics/compile-error';
import { table } from '../ir/table';
import { type Agreement, agreeingOverall, agreement, compare, compareTensors, type Difference, worse } from './compare';
import { cropSteps, type Larger } from './larger';
import { agreeing, compareMaps, meanOf, meanOfCells, type WindowMap, type WindowResults } from './maps';
import type { Numbers } from './onnx-runner';
import type { Check, Tolerance } from './report';
import { isWithin, type Results } from './results';
import { describeSamples, type Sample } from './samples';
import type { Subject } from './subject';
import { hasStrides } from './windows';

export function originalSize(
  subject: Subject,
  samples: readonly Sample[],
  expected: readonly Results[],
  actual: readonly Results[],
  tolerances: readonly Tolerance[],
): Check {
  const outputs: Record<string, Difference> = table({});
  const agreements: Record<string, Agreement> = table({});
  let equal = true;
  samples.forEach((_, index) => {
    for (const [name, numbers] of expected[index] ?? []) {
      const difference = compareTensors(numbers, actual[index]?.get(name));
      const tolerance = tolerances[index];
      equal &&= tolerance !== undefined && isWithin(difference, tolerance, name);
      outputs[name] = worse(outputs[name], difference);
      const agreed = agreeingOverall(agreements[name], agreement(numbers, actual[index]?.get(name)));
      if (agreed) agreements[name] = agreed;
    }
  });
  return {
    name: 'original size',
    status: equal ? 'equal' : 'different',
    outputs,
    agreement: agreements,
    sizes: [`${subject.image.height}x${subject.image.width}`],
    cells: samples.length,
    note: describeSamples(samples),
  };
}

export function windowsOfTheMap(
  subject: Subject,
  plans: readonly Larger[],
  expected: readonly WindowResults[] | string,
  actual: readonly (Results | CompileError)[],
  tolerance: Tolerance,
): Check {
  const skipped = (note: string): Check => ({ name: 'windows of the map', status: 'skipped', outputs: {}, sizes: [], cells: 0, note });
  if (typeof expected === 'string') return skipped(expected);
  const outputs: Record<string, Difference> = table({});
  const sizes: string[] = [];
  const notes: string[] = [];
  let [equal, cells] = [true, 0];
  plans.forEach((plan, index) => {
    const size = `${plan.height}x${plan.width}`;
    const [wanted, found] = [expected[index], actual[index]];
    if (!wanted || !found || found instanceof CompileError) {
      equal = false;
      notes.push(`the converted model does not take ${size}: ${found instanceof CompileError ? found.diagnostic.message : ''}`);
      return;
    }
    sizes.push(size);
    for (const [name, map] of wanted) {
      const difference =
        subject.head === 'image' && !subject.isMap(name)
          ? compare(meanOf(map.cells), found.get(name)?.data ?? [])
          : compareMaps(map, found.get(name));
      equal &&= isWithin(difference, tolerance, name);
      outputs[name] = worse(outputs[name], difference);
      cells += map.rows * map.columns;
    }
  });
  if (sizes.length === 0 && equal) return skipped(notes.join('; '));
  return {
    name: 'windows of the map',
    status: equal ? 'equal' : 'different',
    outputs,
    sizes,
    cells,
    note: notes.join('; ') || undefined,
  };
}

/** The mean over all cells against the original's scores of the whole image. */
export function meansOfTheMap(
  subject: Subject,
  plans: readonly Larger[],
  expected: readonly (Results | CompileError)[],
  actual: readonly (Results | CompileError)[],
  tolerance: Tolerance,
): Check {
  const outputs: Record<string, Difference> = table({});
  const sizes: string[] = [];
  let equal = true;
  plans.forEach((plan, index) => {
    const [wanted, found] = [expected[index], actual[index]];
    if (!wanted || wanted instanceof CompileError) return;
    sizes.push(`${plan.height}x${plan.width}`);
    const means = !found || found instanceof CompileError ? new Map<string, Numbers>() : meanOfCells(found, subject.isMap);
    for (const [name, numbers] of wanted) {
      const difference = compare(numbers.data, means.get(name)?.data ?? []);
      equal &&= isWithin(difference, tolerance, name);
      outputs[name] = worse(outputs[name], difference);
    }
  });
  if (sizes.length === 0)
    return { name: 'mean of the map', status: 'skipped', outputs, sizes, cells: 0, note: 'the original does not take larger images' };
  return { name: 'mean of the map', status: equal ? 'equal' : 'different', outputs, sizes, cells: sizes.length };
}

export function cropsOfTheImage(
  subject: Subject,
  plans: readonly Larger[],
  expected: readonly (readonly Results[])[],
  actual: readonly (Results | CompileError)[],
  tolerance: Tolerance,
): Check {
  const outputs: Record<string, Difference> = table({});
  const sizes: string[] = [];
  let [equal, cells, same] = [true, 0, 0];
  plans.forEach((plan, index) => {
    const found = actual[index];
    const crops = expected[index];
    if (!found || !crops || found instanceof CompileError) return;
    sizes.push(`${plan.height}x${plan.width}`);
    const rows = Math.floor((plan.height - subject.image.height) / cropSteps(subject, plan.strides)[0]) + 1;
    const columns = crops.length / rows;
    for (const name of crops[0]?.keys() ?? []) {
      // An auxiliary classifier may look every 48 pixels where the main one looks every 32: its cells are other crops.
      if (subject.isMap(name) || !hasStrides(subject, name, plan.strides)) continue;
      const map: WindowMap = { rows, columns, cells: crops.map((crop) => Float64Array.from(crop.get(name)?.data ?? [])) };
      const difference = compareMaps(map, found.get(name));
      equal &&= isWithin(difference, tolerance, name);
      outputs[name] = worse(outputs[name], difference);
      cells += crops.length;
      same += agreeing(map, found.get(name));
    }
  });
  if (sizes.length === 0)
    return {
      name: 'crops of the image',
      status: 'skipped',
      outputs,
      sizes,
      cells,
      note: 'the converted model has no map that grows with the image',
    };
  const mustBeEqual = subject.request.contract?.kind === 'everywhere';
  return {
    name: 'crops of the image',
    status: equal ? 'equal' : mustBeEqual ? 'different' : 'informative',
    outputs,
    sizes,
    cells,
    sameBest: cells > 0 ? same / cells : undefined,
  };
}
