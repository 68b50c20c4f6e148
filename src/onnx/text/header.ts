/** Header fields of a text that the IR does not model: kept in the model's extras in the form that the ONNX reader uses. */
import type { Model } from '../../ir/model';
import type { ModelExtras } from '../read';

/** Only strings and small numbers, whatever else the extras of a model contain. */
export interface HeaderExtras {
  domain?: string;
  model_version?: number;
  doc_string?: string;
}

export const headerExtras = (model: HeaderExtras): ModelExtras => ({ model });

/** The header fields to print. */
export function headerOf({ extras }: Model): HeaderExtras {
  // Extras are opaque to everything except the formats; this is one.
  const { domain, model_version, doc_string } = (extras as ModelExtras | undefined)?.model ?? {};
  return {
    ...(domain ? { domain } : {}),
    ...(model_version !== undefined && model_version !== null ? { model_version: Number(model_version) } : {}),
    ...(doc_string ? { doc_string } : {}),
  };
}
