/** Layers as a table; of a conversion, before and after beside each other. */
import type { LayerRow } from './protocol';

export function Layers({ before, after }: { readonly before: readonly LayerRow[]; readonly after?: readonly LayerRow[] }) {
  return (
    <div class={after ? 'layers two' : 'layers'}>
      <LayerTable title={after ? 'Before' : 'Layers'} id="before" rows={before} />
      {after && <LayerTable title="After" id="after" rows={after} />}
    </div>
  );
}

function LayerTable({ title, id, rows }: { readonly title: string; readonly id: string; readonly rows: readonly LayerRow[] }) {
  return (
    // biome-ignore lint/a11y: a region that scrolls has to be reachable by keyboard
    <div class="scrolls" tabIndex={0} role="region" aria-label={`${title}: layers`}>
      <table id={id}>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">layer</th>
            <th scope="col">output</th>
            <th scope="col" class="number">
              parameters
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ notation, shape, parameters, changed }) => (
            <tr class={changed ? 'changed' : undefined}>
              <td>
                {notation}
                {changed && <span class="hidden"> (changed)</span>}
              </td>
              <td>{shape}</td>
              <td class="number">{parameters === 0 ? '' : parameters.toLocaleString('en')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
