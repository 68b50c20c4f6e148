/** The original's scores before a final softmax: what the cells of a map are the parts of. */
import type { CompileError } from '../diagnostics/compile-error';
import type { Value } from '../ir/types';
import { trunkOf } from './cut';
import type { Larger } from './larger';
import { asCompileError, each, only, type Results } from './results';
import type { Sample } from './samples';
import type { Subject } from './subject';

/** The original's scores, a final softmax taken away, at its own size and, with its sizes freed, at larger ones. */
export async function scores(
  subject: Subject,
  samples: readonly Sample[],
  plans: readonly Larger[],
): Promise<{ readonly small: readonly Results[]; readonly larger: readonly (Results | CompileError)[] }> {
  const { model } = subject.request.original;
  const values = model.graph.outputs.map(scoresBehind);
  const names = new Map(values.map((value, index) => [value.name, model.graph.outputs[index]?.name ?? value.name]));
  const renamed = (results: Results): Results => new Map([...results].map(([name, numbers]) => [names.get(name) ?? name, numbers]));
  const part = trunkOf(model, values);
  subject.bench.progress('running the scores of the original');
  const small = await subject.bench.within(
    subject.request.place(part, 'scores'),
    'the part of the original that leads to its scores',
    {},
    (session) => each(samples, async ({ feeds }) => renamed(await session.run(only(feeds, session.inputNames)))),
  );
  const larger = await subject.bench.within(
    subject.request.place(subject.request.free(part), 'free'),
    'the original, its sizes freed,',
    {},
    (session) => each(plans, async ({ feeds }) => session.run(only(feeds, session.inputNames)).then(renamed, asCompileError)),
  );
  return { small, larger };
}

/** What a final softmax reads, through views; the value itself where there is none. */
function scoresBehind(output: Value): Value {
  for (let at: Value | undefined = output; at?.producer; at = at.producer.inputs[0]) {
    const { op } = at.producer;
    if (op === 'Softmax' || op === 'LogSoftmax') return at.producer.inputs[0] ?? output;
    if (!['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity'].includes(op)) break;
  }
  return output;
}
