/** What the package offers: a name that comes or goes is a decision, to be told in CHANGELOG.md. */
import * as library from '../../src/index';
import * as web from '../../src/web';

test('the library offers these names and no others', () => {
  expect(Object.keys(library).sort()).toEqual([
    'CompileError',
    'InvariantError',
    'authoring',
    'closeModel',
    'compile',
    'formatDiagnostic',
    'formatVerifyReport',
    'heatmap',
    'lowerToTfjs',
    'modelToBytes',
    'parseModel',
    'predict',
    'printModel',
    'readModel',
    'summarise',
    'verify',
    'version',
    'writeModel',
    'writeTfjsModel',
  ]);
});

test('the library for browsers offers these names and no others', () => {
  expect(Object.keys(web).sort()).toEqual([
    'CompileError',
    'InvariantError',
    'compile',
    'diff',
    'diffPicture',
    'formatDiagnostic',
    'formatVerifyReport',
    'graphPicture',
    'modelBlob',
    'readModel',
    'summarise',
    'toTfjs',
    'verify',
    'version',
    'writeModel',
  ]);
});
