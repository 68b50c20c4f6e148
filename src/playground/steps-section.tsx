/** The conversion step by step: a slider over the passes that changed something, and the graph with what each of them changed. */
import { useEffect, useState } from 'preact/hooks';
import type { StepFacts } from './protocol';

interface Props {
  readonly steps: readonly StepFacts[];
  readonly draw: (at: number) => Promise<Blob | undefined>;
}

export function StepsSection({ steps, draw }: Props) {
  const [at, setAt] = useState(0);
  const [picture, setPicture] = useState<string>();
  const [isOpen, setOpen] = useState(false);

  useEffect(() => {
    if (!isOpen) return undefined;
    let [isStale, url] = [false, ''];
    void draw(at).then((blob) => {
      if (!blob || isStale) return;
      url = URL.createObjectURL(blob);
      setPicture(url);
    });
    return () => {
      isStale = true;
      if (url) URL.revokeObjectURL(url);
    };
  }, [at, isOpen]);

  const step = steps[at];
  if (!step) return null;
  return (
    <details id="steps" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Step by step: {steps.length} passes</summary>
      <label>
        Step {at + 1} of {steps.length}
        <input
          type="range"
          id="step"
          min={0}
          max={steps.length - 1}
          step={1}
          value={at}
          aria-valuetext={`${step.pass}: ${step.summary}`}
          onInput={({ currentTarget }) => setAt(Number(currentTarget.value))}
        />
      </label>
      <p id="step-name" aria-live="polite">
        <b>{step.pass}</b>: {step.summary}. {NUMBERS[step.numbers]} {step.nodesBefore} nodes became {step.nodesAfter}.
      </p>
      {picture && (
        <div class="scrolls picture">
          <img id="step-picture" src={picture} alt={`The graph after ${step.pass}, with what it changed marked`} />
        </div>
      )}
    </details>
  );
}

const NUMBERS: Readonly<Record<StepFacts['numbers'], string>> = {
  identical: 'The numbers stay the same.',
  reordered: 'The products stay the same; they may be summed in another order.',
  rounding: 'Something is computed beforehand, and rounded once.',
};
