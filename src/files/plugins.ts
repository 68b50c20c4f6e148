/**
 * The user's own passes, loaded from modules: CommonJS or ES, one pass or several.
 *
 *   export default definePass({ name: 'my-pass', after: 'fold-batch-norm', ... })
 *
 * Every exported pass is used: default, named, or in a list.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PluginPass } from '../compile';
import { pluginInvalid } from '../diagnostics/catalogue';
import { importModule } from './import-module';

/** Loads the passes. Throws CompileError PLUGIN_INVALID if a module cannot be loaded or contains no pass. */
export async function loadPlugins(paths: readonly string[]): Promise<PluginPass[]> {
  const passes: PluginPass[] = [];
  for (const path of paths) {
    if (!existsSync(path)) throw pluginInvalid(path, 'there is no such file');
    let module: unknown;
    try {
      module = await importModule(pathToFileURL(resolve(path)).href);
    } catch (error) {
      throw pluginInvalid(path, `it cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
    }
    const found = [...new Set(exportsOf(module, 0))];
    if (found.length === 0) throw pluginInvalid(path, 'it exports no pass (an object with name, summary, numbers and run)');
    passes.push(...found.map((pass): PluginPass => ({ ...pass, run: (graph, context) => pass.run(graph, context), module: path })));
  }
  return passes;
}

/** Passes in `export default`, `module.exports` (which ES importers see as default), named exports and lists of them. */
function exportsOf(value: unknown, depth: number): PluginPass[] {
  if (isPass(value)) return [value];
  if (typeof value !== 'object' || value === null || depth > 2) return [];
  return Object.values(value).flatMap((inner) => exportsOf(inner, depth + 1));
}

function isPass(value: unknown): value is PluginPass {
  if (typeof value !== 'object' || value === null) return false;
  const { name, summary, numbers, run, after } = {
    name: undefined,
    summary: undefined,
    numbers: undefined,
    run: undefined,
    after: undefined,
    ...value,
  };
  return (
    typeof name === 'string' &&
    typeof summary === 'string' &&
    typeof numbers === 'string' &&
    ['identical', 'reordered', 'rounding'].includes(numbers) &&
    typeof run === 'function' &&
    (after === undefined || typeof after === 'string')
  );
}
