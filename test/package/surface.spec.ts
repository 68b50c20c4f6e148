/** What the package offers: a name that comes or goes is a decision, to be told in CHANGELOG.md. */
import * as library from '../../src/index';

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
