import { expect, it } from 'vitest';
import { CODE, insertBelow, ordered } from '../src/clusters';

it('puts code below the active cell, and nowhere without a notebook', () => {
  const cells = ['first', 'second'];
  const insertCell = (index: number, cell: object) => cells.splice(index, 0, (cell as { source: string }).source);
  const notebook = { content: { activeCellIndex: 0 }, context: { model: { sharedModel: { insertCell } } } };
  expect(insertBelow(notebook, CODE)).toBe(true);
  expect(cells).toEqual(['first', CODE, 'second']);
  expect(notebook.content.activeCellIndex).toBe(1);
  expect(insertBelow(null, CODE)).toBe(false);
  expect(insertBelow({ context: {} }, CODE)).toBe(false);
});

it('shows first the plots that say most', () => {
  const plots = {
    'Individual Profile': '/individual-profile',
    'Individual Progress': '/individual-progress',
    'Individual Task Stream': '/individual-task-stream'
  };
  expect(ordered(plots).map(([label]) => label)).toEqual(['Task Stream', 'Progress', 'Profile']);
  expect(ordered(plots)[0][1]).toBe('individual-task-stream');
});
