/** What a notebook needs to use the newest cluster of its room. */
export const CODE = 'from datasluse import Cluster\n\nclient = Cluster.current().get_client()\nclient';

/** Plots that say most, in this order; the others follow. */
const FIRST = ['task-stream', 'progress', 'workers-memory', 'compute-time'];

/** What is needed of a notebook's panel; its package would come along with its types. */
export interface INotebook {
  content?: { activeCellIndex: number };
  context?: { model?: { sharedModel?: { insertCell?(index: number, cell: object): unknown } } };
}

/** Put code into a new cell below the active one; returns whether there is a notebook to put it in. */
export function insertBelow(notebook: INotebook | null, source: string): boolean {
  const cells = notebook?.context?.model?.sharedModel;
  if (!cells?.insertCell || !notebook?.content) {
    return false;
  }
  const index = notebook.content.activeCellIndex + 1;
  cells.insertCell(index, { cell_type: 'code', source, metadata: {} });
  notebook.content.activeCellIndex = index;
  return true;
}

/** The plots as (name, path), those that say most first. */
export function ordered(plots: Record<string, string>): [string, string][] {
  const rank = (path: string) => {
    const at = FIRST.findIndex(name => path.endsWith(`individual-${name}`));
    return at < 0 ? FIRST.length : at;
  };
  return Object.entries(plots)
    .map(([label, path]): [string, string] => [label.replace(/^Individual /, ''), path.replace(/^\//, '')])
    .sort(([one, a], [two, b]) => rank(a) - rank(b) || one.localeCompare(two));
}
