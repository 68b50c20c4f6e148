/** Makes an input smaller as long as it goes wrong in the same way. */
import type { Draft } from './draft';
import { at, type Branch, copied, isBranch, placesIn, put, remove } from './tree';

/** `fails` says whether a draft still does. `budget`: how many may be tried. */
export async function shrunk(draft: Draft, fails: (candidate: Draft) => Promise<boolean>, budget: number): Promise<Draft> {
  let best = draft;
  let left = budget;
  const accept = async (candidate: Draft): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  if (best.scars.length > 0) await accept({ ...best, scars: [] });
  for (const scar of best.scars) if (best.scars.length > 1) await accept({ ...best, scars: best.scars.filter((each) => each !== scar) });
  if (best.as === 'bytes') return best;
  for (let improved = true; improved && left > 0; ) {
    improved = false;
    // Lists first, in halves, quarters and so on: most of a model is nodes and weights.
    for (let index = 0; index < listsIn(best.tree).length && left > 0; index++) {
      for (
        let size = Math.ceil((listsIn(best.tree)[index]?.length ?? 0) / 2);
        size >= 1 && left > 0;
        size = size === 1 ? 0 : Math.ceil(size / 2)
      ) {
        for (let from = 0; left > 0; ) {
          const tree = branch(copied(best.tree));
          const list = listsIn(tree)[index];
          if (!list || from >= list.length) break;
          list.splice(from, size);
          if (await accept({ ...best, tree })) improved = true;
          else from += size;
        }
      }
    }
    // Then fields, and bytes of weights.
    for (let index = 0; left > 0; index++) {
      const tree = branch(copied(best.tree));
      const place = placesIn(tree).filter(({ holder, depth }) => !Array.isArray(holder) && depth > 0)[index];
      if (!place) break;
      const value = at(place);
      if (value instanceof Uint8Array && value.length > 0) put(place, new Uint8Array(value.length));
      else remove(place);
      const isZero = value instanceof Uint8Array && value.every((byte) => byte === 0);
      if (!isZero && (await accept({ ...best, tree }))) {
        improved = true;
        if (!(value instanceof Uint8Array)) index--;
      }
    }
  }
  return best;
}

const branch = (tree: ReturnType<typeof copied>): Branch => (isBranch(tree) ? tree : {});
const listsIn = (tree: Branch): ReturnType<typeof copied>[][] =>
  placesIn(tree)
    .map(at)
    .filter((each) => Array.isArray(each))
    .filter((each) => each.length > 0);
