import { expect, it } from 'vitest';
import { IRun } from '../src/api';
import { Kept, parameters, toTell } from '../src/runs';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const run = (said: Partial<IRun>): IRun => ({
  id: 'a',
  file: '/home/researcher/a.py',
  started: '2026-11-30T08:00:00Z',
  ended: '',
  state: 'done',
  why: '',
  parameters: {},
  ...said
});

function kept(): Kept {
  const map = new Map<string, string>();
  return { getItem: key => map.get(key) ?? null, setItem: (key, value) => void map.set(key, value) };
}

it('tells of each of my runs once, when it has ended', () => {
  const store = kept();
  const runs = [run({ state: 'running' }), run({ id: 'b' }), run({ id: 'c', state: 'cancelled' }), run({ id: 'd', started: '2026-11-01T08:00:00Z' })];
  expect(toTell(runs, store, NOW).map(one => one.id)).toEqual(['b']);
  expect(toTell(runs, store, NOW)).toEqual([]);
  runs[0] = run({ state: 'failed' });
  expect(toTell(runs, store, NOW).map(one => one.id)).toEqual(['a']);
  expect(toTell(runs, store, NOW)).toEqual([]);
});

it('reads parameters, one a line', () => {
  expect(parameters('year = 2020\n\n  name=a = b \n')).toEqual({ year: '2020', name: 'a = b' });
  expect(() => parameters('year = 1\nyear 2020')).toThrow('year 2020');
});
