import { IAccepted, IAnswers, IFound, IRequest } from './api';
import { say } from './words';

/** A file that a person chose, with what is said of it. */
export interface IOutput {
  path: string;
  name: string;
  size: number;
  /** Why it cannot be requested, and what to do. */
  problem: string | null;
  answers: IAnswers;
}

const MB = 1 << 20;

/** What was found, as outputs with names of their own and nothing said of them yet. */
export function outputs(found: IFound[], accepted: IAccepted, dataSets: string[]): IOutput[] {
  const names = namesOf(found.map(file => file.path));
  return found.map((file, index) => ({
    path: file.path,
    name: names[index],
    size: file.size,
    problem: problem(file, accepted),
    answers: {
      description: '',
      purpose: '',
      population: '',
      persons: null,
      data_sets: dataSets.length === 1 ? [...dataSets] : []
    }
  }));
}

/** Why these files together are no request; null when they may be one. */
export function tooMuch(chosen: IOutput[], accepted: IAccepted): string | null {
  if (chosen.length > accepted.most_files) {
    return say('A request has at most {most} files.', { most: accepted.most_files });
  }
  const size = chosen.reduce((sum, output) => sum + output.size, 0);
  if (size > accepted.largest_request) {
    return say('A request has at most {most} MB in all. Make two.', { most: accepted.largest_request / MB });
  }
  return null;
}

/** The outputs, with the answers that an earlier round gave for files of the same names. */
export function answeredAsBefore(chosen: IOutput[], request: IRequest): IOutput[] {
  return chosen.map(output => {
    const before = request.files.find(file => file.name === output.name);
    if (!before) {
      return output;
    }
    const { description, purpose, population, persons, data_sets } = before;
    return { ...output, answers: { description, purpose, population, persons, data_sets } };
  });
}

/** Each file's own name; files of the same name get their folder's before it. */
export function namesOf(paths: string[]): string[] {
  const last = (path: string, parts: number) => path.split('/').filter(Boolean).slice(-parts).join('-');
  let parts = 1;
  let names = paths.map(path => last(path, parts));
  while (parts < 20 && new Set(names.map(name => name.toLowerCase())).size < new Set(paths).size) {
    parts += 1;
    names = paths.map(path => last(path, parts));
  }
  return names;
}

function problem(file: IFound, accepted: IAccepted): string | null {
  const ending = /\.[^./]*$/.exec(file.path)?.[0].toLowerCase() ?? '';
  if (file.problem === 'missing') {
    return say('This is no file and no folder of yours.');
  }
  if (file.problem === 'outside') {
    return say('This leads out of your folders. Copy the file, and request the copy.');
  }
  if (file.problem === 'many') {
    return say('The folder holds too many files. Choose the ones you need.');
  }
  if (!accepted.endings.includes(ending)) {
    return accepted.others[ending] ?? accepted.other;
  }
  if (file.size === 0) {
    return say('The file is empty.');
  }
  if (file.size > accepted.largest_file) {
    return say('The file is larger than {most} MB. Aggregate it, or release a part.', {
      most: accepted.largest_file / MB
    });
  }
  return null;
}
