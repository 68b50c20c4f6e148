/** Paths in commands that messages show: copied into a shell, they name the same file. */

/** Unchanged if every shell reads it so; otherwise in double quotes, which sh, cmd and PowerShell understand. */
export const quoted = (path: string): string =>
  /^[\w@%+=:,./\\-]+$/.test(path) && !path.startsWith('-') ? path : `"${path.replace(/["$`]/g, '\\$&')}"`;
