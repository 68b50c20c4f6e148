/** Exit codes of the program. */
export const EXIT = {
  /** Done; the models are equal, if that was checked. */
  done: 0,
  /** The models are not equivalent. */
  different: 1,
  /** The command line, a file or a model is invalid. */
  fault: 2,
  /** Equal at the original size, but not completely verified beyond it; or the original's own noise is too large to decide. */
  unverified: 3,
  /** A bug in this program; EX_SOFTWARE in sysexits.h. */
  bug: 70,
} as const;
