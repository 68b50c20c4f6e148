/** What runs in browsers, built into a folder of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Builds into a new folder: `web/` and `playground/`. */
export function buildForBrowsers(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'convolutionize-web-'));
  execFileSync(process.execPath, [join(root, '.ci/build.mjs'), '--browser', folder], { stdio: 'pipe' });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
