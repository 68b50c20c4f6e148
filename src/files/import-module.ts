/**
 * import() of a module that only a run knows. In dist/ this is a file of its own: V8 forgets how to import in a program that it takes from what was compiled
 * before (src/cli/launch.ts).
 */
export const importModule = (url: string): Promise<unknown> => import(url);
