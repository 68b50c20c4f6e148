/**
 * dist/cli.js: starts the program beside it. Most of what a short conversion takes is the compilation of JavaScript: Node 22.1 and later keep what they
 * compiled where they are asked to (in the system's directory for temporary files; NODE_DISABLE_COMPILE_CACHE=1 turns it off).
 */
import Module from 'node:module';
import { join } from 'node:path';

const keepCompiled: unknown = Reflect.get(Module, 'enableCompileCache');
if (typeof keepCompiled === 'function') keepCompiled();

// By name, so that it stays a file of its own.
require(join(__dirname, 'program.js'));
