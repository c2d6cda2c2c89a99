import { IRun } from './api';

/** What is kept from one visit to the next. */
export type Kept = Pick<Storage, 'getItem' | 'setItem'>;

const KEY = 'datasluse:runs-told';
const TOLD_FOR = 7 * 24 * 3600 * 1000;

/** The runs that ended and of which nothing was said yet; it is then said. */
export function toTell(runs: IRun[], kept: Kept, now: number): IRun[] {
  const told = new Set((kept.getItem(KEY) ?? '').split(' '));
  const fresh = runs.filter(
    run =>
      !['running', 'cancelled'].includes(run.state) && !told.has(run.id) && now - Date.parse(run.started) < TOLD_FOR
  );
  if (fresh.length > 0) {
    const listed = new Set(runs.map(run => run.id)); // what is listed no more needs no keeping
    kept.setItem(KEY, [...told, ...fresh.map(run => run.id)].filter(id => listed.has(id)).join(' '));
  }
  return fresh;
}

/** `name = value`, one a line, as what a notebook is given; throws the line that is none. */
export function parameters(text: string): Record<string, string> {
  const given: Record<string, string> = {};
  for (const line of text.split('\n').filter(one => one.trim())) {
    const [, name, value] = /^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) {
      throw new Error(line.trim());
    }
    given[name] = value;
  }
  return given;
}
