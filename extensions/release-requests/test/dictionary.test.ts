import { expect, it } from 'vitest';
import { ICode, IColumn } from '../src/api';
import { meaning } from '../src/dictionary';
import { speak } from '../src/words';

const NOTHING = { title_da: '', title_en: '', description_da: '', description_en: '', unit: '', codes: '' };
const column = (said: Partial<IColumn>): IColumn => ({ name: 'koen', type: 'String', ...NOTHING, ...said });

it.each([
  ['da', {}, [], ''],
  ['da', { title_da: 'Køn', title_en: 'Sex' }, [], 'Køn'],
  ['en', { title_da: 'Køn', title_en: 'Sex' }, [], 'Sex'],
  ['en', { title_da: 'Køn' }, [], 'Køn'],
  ['da', { title_da: 'Køn', description_da: 'Som i CPR' }, [], 'Køn: Som i CPR'],
  ['en', { title_en: 'Sex' }, [{ code: '1', label_en: 'Man' }, { code: '2' }], 'Sex – 1 Man; 2']
] as [string, Partial<IColumn>, ICode[], string][])('says what a column is: %s %j %j', (language, said, codes, expected) => {
  speak(language === 'da' ? 'da' : undefined, [language]);
  expect(meaning(column(said), codes)).toBe(expected);
});
