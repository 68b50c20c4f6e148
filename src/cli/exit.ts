/** Exit codes of the program. */
export const EXIT = {
  /** Done, and equal where that was asked. */
  done: 0,
  /** Not equivalent. */
  different: 1,
  /** The command line, a file or a model is at fault. */
  fault: 2,
  /** Equal at the original size, and beyond it not all could be looked at; or the original is too far from itself to say. */
  unverified: 3,
  /** A bug of ours; sysexits.h calls it EX_SOFTWARE. */
  bug: 70,
} as const;
