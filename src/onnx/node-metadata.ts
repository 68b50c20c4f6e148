/** Metadata that exporters attach to a node, by key: `pkg.torch.onnx.name_scopes`, `namespace` ... Empty if there are none. */
import type { Node } from '../ir/types';
import type { NodeExtras } from './read';

export function nodeMetadata({ extras }: Node): ReadonlyMap<string, string> {
  // Extras are opaque to everything except the formats; this is one.
  const props = (extras as NodeExtras | undefined)?.node?.metadata_props ?? [];
  return new Map(props.map(({ key, value }) => [key ?? '', value ?? '']));
}
