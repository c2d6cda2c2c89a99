import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { language, messages, say, speak } from '../src/words';

it.each([
  ['en', ['da-DK', 'en'], 'da'],
  ['en', ['en-GB', 'da'], 'en'],
  ['da-DK', ['en-GB'], 'da'],
  ['en', ['fr'], 'en'],
  ['en', ['fr', 'da'], 'da'],
  [undefined, [], 'en']
])('speaks what was chosen: %s %j', (lab, browser, expected) => {
  speak(lab, browser as string[]);
  expect(language()).toBe(expected);
});

it('fills values in', () => {
  speak('da', []);
  expect(say('round {round}', { round: 2 })).toBe('runde 2');
});

it('says every sentence somewhere, with the same values in both languages', () => {
  const code = readdirSync('src')
    .filter(name => name !== 'words.ts')
    .map(name => readFileSync(`src/${name}`, 'utf8'))
    .join('\n');
  const values = (sentence: string) => (sentence.match(/\{\w+\}/g) ?? []).sort().join();
  for (const message of messages) {
    expect(code).toContain(`'${message}'`);
    speak('da', []);
    const danish = say(message, new Proxy({}, { get: (_, name) => `{${String(name)}}` }) as never);
    expect(values(danish), message).toBe(values(message));
  }
});
