/** What the header of a text says that the IR has no word for: kept in the model's extras in the reader's form. */
import type { Model } from '../../ir/model';
import type { ModelExtras } from '../read';

/** Strings and small numbers only, whatever else the extras of a model hold. */
export interface HeaderExtras {
  domain?: string;
  model_version?: number;
  doc_string?: string;
}

export const headerExtras = (model: HeaderExtras): ModelExtras => ({ model });

/** What is there to print. */
export function headerOf({ extras }: Model): HeaderExtras {
  // Extras are opaque to all but the formats; this is one.
  const { domain, model_version, doc_string } = (extras as ModelExtras | undefined)?.model ?? {};
  return {
    ...(domain ? { domain } : {}),
    ...(model_version !== undefined && model_version !== null ? { model_version: Number(model_version) } : {}),
    ...(doc_string ? { doc_string } : {}),
  };
}
