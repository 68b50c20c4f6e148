/**
 * import() of a module whose path is known only at run time. In dist/ this is a separate file: V8 loses the ability to import in a program that it loads
 * from cached compiled code (src/cli/launch.ts).
 */
export const importModule = (url: string): Promise<unknown> => import(url);
