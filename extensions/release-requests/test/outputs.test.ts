import { describe, expect, it } from 'vitest';
import { IFound, IRequest } from '../src/api';
import { answeredAsBefore, namesOf, outputs, tooMuch } from '../src/outputs';

const accepted = {
  endings: ['.csv', '.png'],
  others: { '.xlsx': 'Save each sheet as CSV.' },
  other: 'Only tables and images.',
  largest_file: 10 << 20,
  largest_request: 15 << 20,
  most_files: 2
};
const file = (path: string, size = 10, problem: IFound['problem'] = null): IFound => ({ path, size, problem });
const one = (found: IFound) => outputs([found], accepted, ['registers'])[0];

describe('what is accepted is said at once', () => {
  it.each([
    ['table.csv', 10, null, null],
    ['TABLE.CSV', 10, null, null],
    ['book.xlsx', 10, null, 'Save each sheet as CSV.'],
    ['noending', 10, null, 'Only tables and images.'],
    ['folder.csv/x', 10, null, 'Only tables and images.'],
    ['table.csv', 0, null, 'The file is empty.'],
    ['table.csv', 11 << 20, null, 'The file is larger than 10 MB. Aggregate it, or release a part.'],
    ['table.csv', 0, 'missing' as const, 'This is no file and no folder of yours.'],
    ['table.csv', 0, 'outside' as const, 'This leads out of your folders. Copy the file, and request the copy.']
  ])('%s of %i bytes', (path, size, problem, says) => {
    expect(one(file(path, size, problem)).problem).toBe(says);
  });

  it('counts all together', () => {
    const [a, b, c] = outputs([file('a.csv', 8 << 20), file('b.csv', 8 << 20), file('c.csv')], accepted, []);
    expect(tooMuch([a, c], accepted)).toBeNull();
    expect(tooMuch([a, b], accepted)).toContain('15 MB');
    expect(tooMuch([a, b, c], accepted)).toContain('2 files');
  });
});

describe('names', () => {
  it('are the last part, with the folder where two are the same', () => {
    expect(namesOf(['a/t.csv', 'b/u.csv'])).toEqual(['t.csv', 'u.csv']);
    expect(namesOf(['a/t.csv', 'b/T.csv'])).toEqual(['a-t.csv', 'b-T.csv']);
    expect(namesOf(['t.csv', 'b/t.csv'])).toEqual(['t.csv', 'b-t.csv']);
  });
});

it('takes the answers of an earlier round for the same names', () => {
  const answers = { description: 'd', purpose: 'f', population: 'p', persons: 7, data_sets: ['registers'] };
  const request = { files: [{ file: 1, name: 'a.csv', advice: null, ...answers }] } as unknown as IRequest;
  const [a, b] = answeredAsBefore(outputs([file('a.csv'), file('b.csv')], accepted, []), request);
  expect(a.answers).toEqual(answers);
  expect(b.answers.description).toBe('');
});
