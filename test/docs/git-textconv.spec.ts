/** The recipe of docs/inspect.md: `git diff` of two ONNX files shows what changed, as text. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../src/cli/main';
import { useProgram } from '../support/cli';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/inspect.md'), 'utf8');
const program = useProgram();
const hasGit = spawnSync('git', ['--version']).status === 0 && process.platform !== 'win32';

(hasGit ? test : test.skip)(
  'git diff lists the nodes that a conversion changed, and names no temporary file',
  async () => {
    const cwd = program.directory();
    const [, recipe = ''] = /^```sh\n(echo '\*\.onnx diff=onnx'[\s\S]*?)^```$/m.exec(page) ?? [];
    // As `npm install` puts it: on the PATH by its name.
    const bin = join(cwd, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'convolutionize'), `#!/bin/sh\nexec '${process.execPath}' '${program.file}' "$@"\n`);
    chmodSync(join(bin, 'convolutionize'), 0o755);
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
    const sh = (line: string): string => execFileSync('sh', ['-ec', line], { cwd, env, encoding: 'utf8' });

    sh('git init -q . && git config user.name a && git config user.email a@b.c');
    sh(recipe);
    copyFileSync(join(root, 'fixtures/models/lenet5.onnx'), join(cwd, 'net.onnx'));
    sh('git add net.onnx .gitattributes && git commit -qm one');
    const quiet = { write: () => true };
    const streams = { stdout: quiet, stderr: quiet, env: {} };
    expect(await main(['convert', join(cwd, 'net.onnx'), '-o', join(cwd, 'fcn.onnx'), '--no-verify'], streams)).toBe(0);
    sh('mv fcn.onnx net.onnx');
    const diff = sh('git diff net.onnx');
    expect(diff).toMatch(/^-.* = Flatten /m);
    expect(diff).toMatch(/^\+.* = Conv <.*kernel_shape = \[4, 4\]/m);
    expect(diff).not.toContain('Binary files');
    expect(diff.split('\n').filter((line) => /^[-+]# .*textual syntax/.test(line))).toEqual([]);
  },
  120_000,
);
