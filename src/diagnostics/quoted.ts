/** Paths in commands that messages show: what is copied into a shell names the same file there. */

/** As it is where every shell reads it so; else in double quotes, which sh, cmd and PowerShell know. */
export const quoted = (path: string): string =>
  /^[\w@%+=:,./\\-]+$/.test(path) && !path.startsWith('-') ? path : `"${path.replace(/["$`]/g, '\\$&')}"`;
