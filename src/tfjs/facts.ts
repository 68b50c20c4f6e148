/** Metadata of an ONNX model, as an emitted TensorFlow.js model carries it (about.ts). */
import { jsonIn } from '../formats/json';
import type { Model } from '../ir/model';
import { table } from '../ir/table';
import type { TfjsAbout } from './about';

type Given = Pick<TfjsAbout, 'source' | 'labels' | 'preprocessing'>;

/** `isValid`: whether facts have the format that readers rely on. Others are dropped, because the metadata of the ONNX file may have been edited. */
export function factsOf(model: Model, { source, labels, preprocessing }: Given, isValid: (facts: object) => facts is TfjsAbout): TfjsAbout {
  const told = (name: string): string | undefined => model.metadata.get(`convolutionize.${name}`);
  const facts = table<unknown>({
    source,
    head: told('head'),
    window: jsonIn(told('window')),
    sizes: jsonIn(told('sizes')),
    stride: jsonIn(told('stride')),
    field: jsonIn(told('field')),
    moves: jsonIn(told('moves')),
    density: jsonIn(told('density')),
    contract: told('contract'),
    meaning: told('meaning'),
    labels: labels ?? jsonIn(told('labels')),
    preprocessing: preprocessing ?? jsonIn(told('preprocessing')),
  });
  for (const [name, fact] of Object.entries(facts)) if (fact === undefined || !isValid({ [name]: fact })) delete facts[name];
  return isValid(facts) ? facts : {};
}
