import { version as written } from '../package.json';

/** Of this package, as it is published. */
export const version: string = written;
