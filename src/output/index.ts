/**
 * Every file that this program writes goes through here: complete or not at all, by the rules of place.ts, with nothing left behind (temporary.ts).
 * No other folder imports the writing functions of node:fs (test/architecture.spec.ts).
 */
export { noteRead, readInput, rememberInputs } from './inputs';
export { NewFile } from './new-file';
export { checkOutput, checkPart, checkPlace, type Place, type PlaceRules, placeOf } from './place';
export { appendText, fileInScratch, keepForReport, makeFolder, writeInScratch, writeOutput, writeTextFile } from './single';
export { type DirectoryRules, type Staged, type StagedDirectory, stage, stageDirectory } from './stage';
export { scratchDirectory, type Temporary } from './temporary';
