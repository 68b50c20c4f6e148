/**
 * Who may know whom. A line of the table is a promise that docs/architecture.md makes; a broken one is reported with file and line.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { alg, Graph } from '@dagrejs/graphlib';
import { allPasses } from '../passes';

const ROOT = join(__dirname, '..');

const BASE = ['diagnostics', 'formats', 'ir', 'operators'];
/** What a user of the compiler sees, whoever they are. */
const OUTSIDE = [
  ...BASE,
  'formats/schemas',
  'analysis/motion',
  'analysis/maps',
  'tfjs/channels-last',
  'onnx',
  'rewrite',
  'tfjs',
  'analysis',
  'graph-view',
  'verify',
  'verify/runtime',
  'verify/tfjs',
  'verify/files',
  'sources',
  'sources/files',
  'pictures',
  'pictures/files',
  'files',
  'output',
  'certificate',
  'compile',
  'debug',
  'reports',
  'version.ts',
];

/** Zone to the zones that it may import; itself always. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  diagnostics: ['ir (types)'],
  // How JSON comes in, and what it must look like.
  formats: [],
  'formats/schemas': ['formats'],
  ir: ['diagnostics', 'formats'],
  operators: ['diagnostics', 'ir'],
  onnx: BASE,
  rewrite: BASE,
  // What the pass nchw-to-nhwc and the lowering share.
  'tfjs/channels-last': BASE,
  tfjs: [...BASE, 'tfjs/channels-last', 'version.ts'],
  // How values move with the image: passes may ask.
  'analysis/motion': BASE,
  // What a network's maps are: trunk, global pools, orientation, affine maps. Passes may ask.
  'analysis/maps': BASE,
  analysis: [...BASE, 'analysis/motion', 'analysis/maps', 'compile'],
  'graph-view': [...BASE, 'onnx', 'analysis'],
  // Knows no runtime and no files: both are given to it.
  verify: [...BASE, 'formats/schemas', 'analysis', 'analysis/maps', 'tfjs', 'compile', 'verify/tfjs (types)'],
  // Runs models, in a process of its own.
  'verify/runtime': [...BASE, 'verify'],
  // Files of other kinds are named in one place.
  'verify/tfjs': [...BASE, 'formats/schemas', 'onnx', 'tfjs', 'verify', 'files', 'output'],
  'verify/files': [...OUTSIDE],
  // What networks are shown, as numbers over places.
  sources: BASE,
  'sources/files': ['diagnostics', 'sources', 'files', 'output'],
  pictures: [...BASE, 'analysis', 'sources', 'verify'],
  'pictures/files': [...OUTSIDE],
  debug: [...BASE, 'rewrite', 'verify', 'compile'],
  // No pass knows another, and src below src/compile does not know which exist.
  'a pass': [...BASE, 'analysis/motion', 'analysis/maps', 'tfjs/channels-last', 'rewrite'],
  'passes/index.ts': ['ir (types)', 'rewrite', 'a pass'],
  'version.ts': ['package.json'],
  compile: [...BASE, 'onnx', 'tfjs', 'rewrite', 'analysis', 'analysis/motion', 'analysis/maps', 'version.ts', 'passes/index.ts'],
  // Every file that is written.
  output: ['diagnostics', 'formats'],
  files: OUTSIDE,
  certificate: OUTSIDE,
  // What is told about models, as text, facts and pictures.
  reports: [...BASE, 'rewrite', 'analysis', 'graph-view', 'compile', 'passes/index.ts'],
  'authoring.ts': ['ir', 'rewrite'],
  'index.ts': ['authoring.ts', ...OUTSIDE],
  // For browsers: everything that knows no Node, and the schemas, which one of its parts loads when it is asked for.
  web: [
    ...BASE,
    'formats/schemas',
    'analysis',
    'compile',
    'graph-view',
    'onnx',
    'reports',
    'rewrite (types)',
    'tfjs',
    'verify',
    'version.ts',
  ],
  // The page: what the web library offers, and what it shows of it.
  playground: [...BASE, 'analysis', 'compile', 'pictures', 'reports', 'verify (types)', 'web', 'passes/index.ts'],
  cli: [...OUTSIDE, 'passes/index.ts'],
  'cli.ts': ['cli', 'diagnostics'],
};

/** Each package has one door. */
const DOORS: Readonly<Record<string, RegExp>> = {
  protobufjs: /^src\/onnx\/(proto\.ts|generated\/)/,
  long: /^src\/onnx\/(proto\.ts|generated\/)/,
  '@dagrejs/dagre': /^src\/graph-view\/layout\.ts$/,
  // The types of its files are known beside it.
  '@tensorflow/tfjs-core': /^src\/verify\/tfjs\/(runner|files|reorder)\.ts$/,
  '@tensorflow/tfjs-converter': /^src\/verify\/tfjs\/runner\.ts$/,
  '@tensorflow/tfjs-backend-wasm': /^src\/verify\/tfjs\/runner\.ts$/,
  '@tensorflow/tfjs-node': /^src\/verify\/tfjs\/runner\.ts$/,
  '@tensorflow-models/mobilenet': /^src\/pictures\/files\/labels\.ts$/,
  'onnxruntime-web': /^src\/web\/runtime\.ts$/,
  yargs: /^src\/cli\//,
  fflate: /^src\/(files|pictures|certificate|sources|verify|playground)\//,
  preact: /^src\/playground\//,
  geotiff: /^src\/sources\/files\/tiff\.ts$/,
  sharp: /^src\/(pictures|verify\/files)\//,
  yaml: /^src\/(files|verify\/files|cli|pictures\/files)\//,
};

/** The rest compiles in a web page. */
const KNOWS_NODE = new Set([
  'formats/schemas',
  'files',
  'output',
  'certificate',
  'pictures/files',
  'sources/files',
  'verify/files',
  'verify/runtime',
  'verify/tfjs',
  'cli',
  'cli.ts',
]);

interface Import {
  readonly file: string;
  readonly line: number;
  readonly target: string;
  readonly isType: boolean;
}

const files = [...sources('src'), ...sources('passes')];
const imports = files.flatMap(importsOf);
/** JavaScript that runs as it stands. */
const scripts = readdirSync(join(ROOT, 'src/verify/runtime'))
  .filter((name) => name.endsWith('.js'))
  .map((name) => `src/verify/runtime/${name}`);

test('every file belongs to a zone of the table', () => {
  expect(files.filter((file) => !(zoneOf(file) in MAY_IMPORT))).toEqual([]);
  // The walk has found the sources, and the imports in them.
  expect(files.length).toBeGreaterThan(50);
  expect(imports.length).toBeGreaterThan(200);
});

test('zones import what the table allows', () => {
  const broken = imports
    .filter(({ target }) => target.startsWith('.'))
    .flatMap(({ file, line, target, isType }) => {
      const [from, to] = [zoneOf(file), zoneOf(resolve(file, target))];
      const allowed = MAY_IMPORT[from] ?? [];
      // A pass is a zone of its own.
      const isOwn = from === to && (from !== 'a pass' || passOf(file) === passOf(resolve(file, target)));
      return isOwn || allowed.includes(to) || (isType && allowed.includes(`${to} (types)`))
        ? []
        : [`${file}:${line}: '${from}' must not import '${to}' (${target})`];
    });
  expect(broken).toEqual([]);
});

test('passes are known by their names in passes/ alone', () => {
  const names = new Set(allPasses.map(({ name }) => name).filter((name) => name.includes('-')));
  expect(names.size).toBeGreaterThan(30);
  const broken = files
    .filter((file) => file.startsWith('src/'))
    .flatMap((file) =>
      [...code(file).matchAll(/'([a-z][a-z-]+)'/g)].filter(([, text = '']) => names.has(text)).map(([text]) => `${file}: ${text}`),
    );
  expect(broken).toEqual([]);
});

test('no circle of files', () => {
  const graph = new Graph();
  for (const { file, target, isType } of imports) if (target.startsWith('.') && !isType) graph.setEdge(file, fileOf(resolve(file, target)));
  expect(alg.findCycles(graph).map((circle) => circle.sort().join(' <-> '))).toEqual([]);
});

test('each package comes in by one door', () => {
  const broken = imports
    .filter(({ target }) => !target.startsWith('.') && !target.startsWith('node:'))
    .flatMap(({ file, line, target }) => {
      const name = target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/');
      const door = DOORS[name];
      return door?.test(file)
        ? []
        : [`${file}:${line}: '${name}' ${door ? `may be imported by ${door.source} only` : 'is not a package of the table'}`];
    });
  expect(broken).toEqual([]);
});

test('JSON from outside comes in by the door', () => {
  // Text that this program wrote itself, in this run or when it was built; and what was looked at already.
  const own = [
    'src/onnx/inline-functions.ts',
    'src/ir/functions/index.ts',
    'src/graph-view/browser/viewer.ts',
    'src/verify/suite/suite-report.ts',
  ];
  expect(files.filter((file) => /\bJSON\.parse\(/.test(code(file)) && !own.includes(file))).toEqual(['src/formats/json.ts']);
});

test('the compiler itself knows no Node', () => {
  const core = files.filter((file) => !KNOWS_NODE.has(zoneOf(file)) && file !== 'src/index.ts');
  const broken = imports
    .filter(({ file, target }) => core.includes(file) && target.startsWith('node:'))
    .map(({ file, line, target }) => `${file}:${line}: ${target}`);
  for (const file of core) {
    code(file)
      .split('\n')
      .forEach((text, index) => {
        const found = /(?<![.\w'"`$-])(Buffer|process|require|__dirname|__filename)\b(?!['"`:])/.exec(
          text.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "''"),
        );
        if (found) broken.push(`${file}:${index + 1}: ${found[1]}`);
      });
  }
  expect(broken).toEqual([]);
});

/** What reads only. */
const READERS =
  /^(type Stats|constants|existsSync|(l|f)?statSync|readdirSync|readFileSync|readSync|openSync|closeSync|realpathSync|readlinkSync)$/;
/** Beside src/output, which writes for everybody: the launcher keeps what was compiled of the program, and is loaded before all else. */
const WRITES = /^src\/(output\/|cli\/launch\.ts$)/;

test('only src/output writes files', () => {
  const broken = [...files, ...scripts].flatMap((file) => {
    if (WRITES.test(file)) return [];
    const text = code(file);
    const named = [
      ...text.matchAll(/import\s+(?:\{([^}]*)\}|([^{;]*?))\s+from 'node:(fs|fs\/promises)'|(?:const \{([^}]*)\} = )?require\('node:fs'\)/g),
    ];
    const imported = named.flatMap(([whole, names, other, , required]) =>
      (names ?? required ?? other ?? whole).split(',').map((name) => name.trim()),
    );
    const opened = [...text.matchAll(/\bopenSync\([^,)]*(,[^)]*)?\)?/g)].filter(
      ([, flags = '']) => !/^, ('r'|constants\.O_RDONLY\b)/.test(flags),
    );
    const others = [...text.matchAll(/\.toFile\(|createWriteStream|'node:fs\/promises'/g)].map(([found]) => found);
    return [...imported.filter((name) => name !== '' && !READERS.test(name)), ...opened.map(([call]) => call), ...others].map(
      (what) => `${file}: ${what}`,
    );
  });
  expect(broken).toEqual([]);
});

test('only the process that runs models loads ONNX Runtime', () => {
  const named = [...files, ...scripts].filter((file) =>
    /(require|import)\(['"]onnxruntime-(node|web)['"]\)|from 'onnxruntime-(node|web)'/.test(code(file)),
  );
  expect(named).toEqual(['src/verify/runtime/worker.js']);
  // Its build for browsers, where there is no process.
  expect(imports.filter(({ target }) => target.startsWith('onnxruntime-')).map(({ file }) => file)).toEqual(['src/web/runtime.ts']);
});

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(join(ROOT, path)).isDirectory()) return name === 'generated' ? [] : sources(path);
    return /\.tsx?$/.test(name) ? [path.split(sep).join('/')] : [];
  });
}

/** Rooms within rooms that have rules of their own. */
const INNER_ZONES = [
  'sources/files',
  'formats/schemas',
  'analysis/motion',
  'analysis/maps',
  'tfjs/channels-last',
  'verify/runtime',
  'verify/tfjs',
  'verify/files',
  'pictures/files',
];

/** Folder of src, or file where it lies directly in src. */
function zoneOf(path: string): string {
  const [top, name = '', more] = path.split('/');
  if (top === 'passes') return name === '' || name === 'index.ts' ? 'passes/index.ts' : 'a pass';
  if (top !== 'src') return path;
  const inner = INNER_ZONES.find((zone) => path.startsWith(`src/${zone}`));
  return inner ?? (more === undefined && name.includes('.') ? name : name);
}

/** The file or folder of a pass: files of one folder are one pass, or passes that share it. */
const passOf = (path: string): string => path.split('/')[1]?.replace(/\.ts$/, '') ?? path;

/** Path without extension, except where it is that of a file in src itself. */
function resolve(file: string, target: string): string {
  const path = normalize(join(dirname(file), target))
    .split(sep)
    .join('/');
  return [`${path}.ts`, `${path}.tsx`].find((file) => files.includes(file)) ?? path;
}

/** A folder is its index. */
const fileOf = (path: string): string => (files.includes(`${path}/index.ts`) ? `${path}/index.ts` : path);

/** The source with comments blanked, lines kept. */
function code(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}

function importsOf(file: string): Import[] {
  const text = code(file);
  const statements = text.matchAll(/^(?:import|export)\b(\s+type\b)?[^;'"]*?from\s*'([^']+)'|\bimport\('([^']+)'\)|^import\s+'([^']+)'/gm);
  return [...statements].map((found) => ({
    file: relative('.', file).split(sep).join('/'),
    line: text.slice(0, found.index).split('\n').length,
    target: found[2] ?? found[3] ?? found[4] ?? '',
    isType: found[1] !== undefined,
  }));
}
