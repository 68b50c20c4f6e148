/** The page: a model, its conversion, its proof and its heat map, from top to bottom. */
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Cancelled, Client, JobFailed } from './client';
import { HeatSection } from './heat-section';
import { Layers } from './layers';
import type { About, Converted, Verified } from './protocol';
import { save } from './save';
import { commandOf, fromHash, type Linked, toHash } from './state';
import { StepsSection } from './steps-section';

const client = new Client();

function App() {
  const [choice, setChoice] = useState<Linked>(() => fromHash(location.hash));
  const [about, setAbout] = useState<About>();
  const [result, setResult] = useState<Converted>();
  const [verified, setVerified] = useState<Verified>();
  const [busy, setBusy] = useState<string>();
  const [failure, setFailure] = useState<{ readonly text: string; readonly isBug: boolean }>();
  const [note, setNote] = useState('');
  const [isOver, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);

  const choose = (change: Partial<Linked>): void => {
    const next = { ...choice, ...change };
    setChoice(next);
    history.replaceState(undefined, '', `${location.pathname}${location.search}${toHash(next)}`);
  };

  /** Runs a job with its progress shown, and its failure. */
  const doing = async <T,>(what: string, job: (progress: (doing: string) => void) => Promise<T>): Promise<T | undefined> => {
    setBusy(what);
    setFailure(undefined);
    setNote('');
    try {
      return await job(setBusy);
    } catch (error) {
      if (error instanceof Cancelled) setNote('Cancelled.');
      else
        setFailure({ text: error instanceof Error ? error.message : String(error), isBug: !(error instanceof JobFailed) || error.isBug });
      return undefined;
    } finally {
      setBusy(undefined);
    }
  };

  const open = async (files: readonly File[], model: Linked['model']): Promise<About | undefined> => {
    if (files.length === 0) return undefined;
    for (const reset of [setAbout, setResult, setVerified]) reset(undefined);
    choose({ model });
    const found = await doing('reading the model', () => client.run('open', { files }));
    setAbout(found);
    return found;
  };
  const example = async (): Promise<About | undefined> => {
    const response = await fetch('lenet5.onnx');
    if (!response.ok) {
      setFailure({ text: 'the example could not be loaded', isBug: true });
      return undefined;
    }
    return open([new File([await response.blob()], 'lenet5.onnx')], 'lenet5');
  };
  const convert = async (): Promise<void> => {
    for (const reset of [setResult, setVerified]) reset(undefined);
    setResult(await doing('converting', (progress) => client.run('convert', choice, progress)));
  };
  const verify = async (): Promise<void> => {
    setVerified(undefined);
    setVerified(await doing('verifying', (progress) => client.run('verify', { quick: false }, progress)));
  };
  const download = async (what: 'onnx' | 'tfjs' | 'graph', name: string): Promise<void> => {
    const blob = await doing('writing', (progress) => client.run('download', { what }, progress));
    if (blob) save(blob, name);
  };

  useEffect(() => {
    if (choice.model === 'lenet5') void example().then((found) => found && convert());
  }, []);

  const stem = about?.name.replace(/\.onnx$/i, '') ?? 'model';
  const command = about && commandOf(about.name, choice);
  return (
    <>
      <header>
        <h1>convolutionize</h1>
        <p>
          Make an image classifier fully convolutional, see where it sees what, and prove that the numbers are the same. Everything runs in
          this tab; nothing is uploaded.
        </p>
      </header>
      <main>
        <section
          class={`model${isOver ? ' over' : ''}`}
          aria-labelledby="model-title"
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            void open([...(event.dataTransfer?.files ?? [])], undefined);
          }}
        >
          <h2 id="model-title">1. A model</h2>
          <p>
            Drop an .onnx file here, together with its .data if it has one, or{' '}
            <button type="button" onClick={() => picker.current?.click()} disabled={busy !== undefined}>
              choose a file
            </button>{' '}
            <button type="button" id="example" onClick={() => void example()} disabled={busy !== undefined}>
              take LeNet5
            </button>
          </p>
          <input
            ref={picker}
            type="file"
            id="file"
            class="hidden"
            multiple
            tabIndex={-1}
            aria-label="ONNX file, and its files of weights"
            onChange={({ currentTarget }) => void open([...(currentTarget.files ?? [])], undefined)}
          />
          {about && (
            <>
              <p id="about">
                <b>{about.name}</b>: {about.nodes} nodes, {about.parameters.toLocaleString('en')} parameters, {size(about.bytes)}
              </p>
              {about.warnings.map((warning) => (
                <pre class="warning">{warning}</pre>
              ))}
              {!result && <Layers before={about.layers} />}
            </>
          )}
        </section>

        {about && (
          <section aria-labelledby="convert-title">
            <h2 id="convert-title">2. Its conversion</h2>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                void convert();
              }}
            >
              <label>
                One prediction for each
                <select
                  id="head"
                  value={choice.head}
                  onChange={({ currentTarget }) => choose({ head: currentTarget.value as Linked['head'] })}
                >
                  <option value="window">window of the original size</option>
                  <option value="cell">cell of the last feature map</option>
                  <option value="image">image</option>
                  <option value="original">image, as before: only optimise</option>
                </select>
              </label>
              <label>
                Stride, in pixels
                <input
                  id="stride"
                  inputMode="numeric"
                  placeholder="the network's own"
                  value={choice.stride ?? ''}
                  disabled={choice.head === 'image' || choice.head === 'original'}
                  onInput={({ currentTarget }) => choose({ stride: count(currentTarget.value) })}
                />
              </label>
              <label>
                Image size, if the file leaves it open
                <input
                  id="side"
                  inputMode="numeric"
                  placeholder="for example 224"
                  value={choice.side ?? ''}
                  onInput={({ currentTarget }) => choose({ side: count(currentTarget.value) })}
                />
              </label>
              <label>
                Folding
                <select
                  id="optimise"
                  value={String(choice.optimise)}
                  onChange={({ currentTarget: { value } }) => choose({ optimise: value === '0' ? 0 : value === '1' ? 1 : 2 })}
                >
                  <option value="2">everything</option>
                  <option value="1">nothing that rounds</option>
                  <option value="0">only what is needed</option>
                </select>
              </label>
              <label>
                To
                <select
                  id="target"
                  value={choice.target}
                  onChange={({ currentTarget }) => choose({ target: currentTarget.value === 'tfjs' ? 'tfjs' : 'onnx' })}
                >
                  <option value="onnx">ONNX</option>
                  <option value="tfjs">TensorFlow.js</option>
                </select>
              </label>
              <p class="actions">
                <button type="submit" id="convert" class="main" disabled={busy !== undefined}>
                  Convert
                </button>
              </p>
            </form>
          </section>
        )}

        <div class="status" role="status" aria-live="polite">
          {busy !== undefined && (
            <p id="busy">
              <span class="spinner" aria-hidden="true" /> {busy} …{' '}
              <button type="button" id="cancel" onClick={() => client.cancel()}>
                Cancel
              </button>
            </p>
          )}
          {note && <p id="note">{note}</p>}
        </div>
        {failure && (
          <div id="failure" role="alert">
            <pre>{failure.text}</pre>
            {failure.isBug && <p>This is a bug of this page, or of the browser's memory: please report it.</p>}
          </div>
        )}

        {result && (
          <>
            <section aria-labelledby="result-title">
              <h2 id="result-title">3. Before and after</h2>
              <Layers before={result.before} after={result.after} />
              <details>
                <summary>Report, converted in {result.seconds.toFixed(2)} s</summary>
                <pre id="report">{result.report}</pre>
              </details>
              {result.steps.length > 0 && (
                <StepsSection steps={result.steps} draw={(at) => doing('drawing the step', () => client.run('step', { at }))} />
              )}
              <p class="actions">
                <button
                  type="button"
                  class={choice.target === 'onnx' ? 'main' : undefined}
                  onClick={() => void download('onnx', `${stem}-fcn.onnx`)}
                  disabled={busy !== undefined}
                  id="save-onnx"
                >
                  Download .onnx ({size(result.bytes)})
                </button>
                <button
                  type="button"
                  class={choice.target === 'tfjs' ? 'main' : undefined}
                  onClick={() => void download('tfjs', `${stem}-tfjs.zip`)}
                  disabled={busy !== undefined}
                  id="save-tfjs"
                >
                  TensorFlow.js .zip
                </button>
                <button
                  type="button"
                  onClick={() => void download('graph', `${stem}-fcn.html`)}
                  disabled={busy !== undefined}
                  id="save-graph"
                >
                  Graph .html
                </button>
                <button
                  type="button"
                  id="save-report"
                  onClick={() =>
                    save(
                      new Blob([`${result.report}\n${verified ? `\nverification\n${verified.text}\n` : ''}`], { type: 'text/plain' }),
                      `${stem}-report.txt`,
                    )
                  }
                >
                  Report .txt
                </button>
              </p>
              {command !== undefined && (
                <p class="command">
                  <code id="command">{command}</code>{' '}
                  <button
                    type="button"
                    id="copy"
                    onClick={() => void navigator.clipboard.writeText(command).then(() => setNote('Copied the command line.'))}
                  >
                    Copy
                  </button>
                </p>
              )}
            </section>
            <section aria-labelledby="verify-title">
              <h2 id="verify-title">4. The proof</h2>
              <p>Both models run in ONNX Runtime, here in this tab, and their numbers are compared at several sizes.</p>
              <p class="actions">
                <button type="button" id="verify" class="main" onClick={() => void verify()} disabled={busy !== undefined}>
                  Verify
                </button>
                {verified && (
                  <b id="verdict" class={`verdict ${verified.verdict}`}>
                    {verified.verdict}
                  </b>
                )}
              </p>
              {verified && <pre id="verification">{verified.text}</pre>}
            </section>
            {result.map && (
              <HeatSection
                facts={result.map}
                busy={busy !== undefined}
                run={(request) => doing('mapping', (progress) => client.run('heat', request, progress))}
              />
            )}
          </>
        )}
      </main>
      <footer>
        <p>
          The same on the command line: <code>npx convolutionize</code>
        </p>
      </footer>
    </>
  );
}

const count = (text: string): number | undefined => (/^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined);

const size = (bytes: number): string => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

const root = document.getElementById('app');
if (root) render(<App />, root);
// Keeps the page for when there is no network.
if ('serviceWorker' in navigator) void navigator.serviceWorker.register('sw.js').catch(() => undefined);
