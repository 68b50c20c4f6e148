/**
 * Scopes as groups. A scope with one member is no group, since it would say the same twice; one with very many is cut into stretches, since no eye
 * and no layout copes with hundreds of boxes beside each other.
 */
import type { Group } from './view';

/** How many members a group may have before it is cut, and how long the stretches are. */
const MANY = 90;
const STRETCH = 45;

export interface Grouped {
  readonly groups: readonly Group[];
  /** By member. */
  readonly parents: ReadonlyMap<string, string | undefined>;
}

interface Folder {
  readonly id: string;
  readonly label: string;
  /** Ids of boxes and folders, in the order of their first box. */
  readonly members: (string | Folder)[];
}

/** `items` in graph order, each with the names of its scopes. Ids of groups begin with `g:`; those of items must not. */
export function groupByScope(items: readonly { readonly id: string; readonly scope: readonly string[] }[]): Grouped {
  const root: Folder = { id: '', label: '', members: [] };
  const folders = new Map<string, Folder>();
  for (const { id, scope } of items) {
    let at = root;
    for (const [depth, name] of scope.entries()) {
      const key = `g:${scope.slice(0, depth + 1).join('/')}`;
      let next = folders.get(key);
      if (!next) {
        next = { id: key, label: name, members: [] };
        folders.set(key, next);
        at.members.push(next);
      }
      at = next;
    }
    at.members.push(id);
  }
  const groups: Group[] = [];
  const parents = new Map<string, string | undefined>();
  const file = (folder: Folder, parent: string | undefined): void => {
    for (const member of cut(folder).members.map(unwrapped)) {
      if (typeof member === 'string') parents.set(member, parent);
      else {
        groups.push({ id: member.id, parent, label: member.label });
        parents.set(member.id, parent);
        file(member, member.id);
      }
    }
  };
  file(root, undefined);
  return { groups, parents };
}

/** A folder of one member is that member. */
function unwrapped(member: string | Folder): string | Folder {
  let at = member;
  while (typeof at !== 'string') {
    const [only, more] = at.members;
    if (only === undefined || more !== undefined) return at;
    at = only;
  }
  return at;
}

function cut(folder: Folder): Folder {
  if (folder.members.length <= MANY) return folder;
  const count = Math.ceil(folder.members.length / STRETCH);
  const length = Math.ceil(folder.members.length / count);
  const stretches = Array.from(
    { length: count },
    (_, at): Folder => ({
      id: `${folder.id || 'g:'}#${at + 1}`,
      label: `${folder.label === '' ? 'part' : folder.label} ${at + 1} of ${count}`,
      members: folder.members.slice(at * length, (at + 1) * length),
    }),
  );
  return cut({ ...folder, members: stretches });
}
