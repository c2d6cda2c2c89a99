import { beforeEach, expect, it } from 'vitest';
import { IUsage } from '../src/api';
import { meter, Warnings } from '../src/usage';
import { speak } from '../src/words';

const GB = 2 ** 30;
const reading = (said: Partial<IUsage>): IUsage => ({
  memory: 0.5 * GB,
  memory_limit: 2 * GB,
  cpus: 2,
  processor: 10,
  at: 100,
  killed: 0,
  ...said
});

beforeEach(() => speak('en', ['en']));

it('shows memory at once, and processors from the second reading on', () => {
  expect(meter(null, reading({}))).toBe('Memory 0.5 of 2 GB');
  expect(meter(reading({}), reading({ at: 110, processor: 20 }))).toBe('Memory 0.5 of 2 GB, CPU 50 %');
  expect(meter(reading({}), reading({ at: 110, processor: 99 }))).toContain('CPU 100 %');
  speak('da', []);
  expect(meter(null, reading({}))).toBe('Hukommelse 0,5 af 2 GB');
});

it('warns once, and again only after memory was free', () => {
  const warnings = new Warnings();
  const said = (share: number) => warnings.after(reading({ memory: share * 2 * GB })).length;
  expect([0.5, 0.89, 0.9, 0.95, 0.85, 0.95, 0.7, 0.9].map(said)).toEqual([0, 0, 1, 0, 0, 0, 0, 1]);
});

it.each(['en', 'da'])('says no more than JupyterLab shows, in %s', language => {
  speak(language, [language]);
  const warnings = new Warnings();
  const said = [...warnings.after(reading({ memory: 31.9 * GB, memory_limit: 32 * GB })), ...warnings.after(reading({ killed: 1, memory_limit: 32 * GB }))];
  expect(said).toHaveLength(2);
  for (const words of said) {
    expect(words.length).toBeLessThanOrEqual(140);
  }
});

it('says that a program was ended, not what was before the page was open', () => {
  const warnings = new Warnings();
  expect(warnings.after(reading({ killed: 3 }))).toEqual([]);
  expect(warnings.after(reading({ killed: 4 }))[0]).toMatch(/^The room’s 2 GB of memory were used up/);
  expect(warnings.after(reading({ killed: 4 }))).toEqual([]);
});
