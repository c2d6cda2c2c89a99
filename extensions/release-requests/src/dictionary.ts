import { IColumn, ICode } from './api';
import { language } from './words';

/** In the language spoken, or else in the other one. */
function either(danish: string, english: string): string {
  return language() === 'da' ? danish || english : english || danish;
}

/** What a column is called and said to be. */
function titleOf(column: IColumn): string {
  const title = either(column.title_da, column.title_en);
  const words = either(column.description_da, column.description_en);
  return [title, words].filter(Boolean).join(': ');
}

/** What a column is, and what its codes mean. */
export function meaning(column: IColumn, list: ICode[] = []): string {
  const codes = list.map(one => `${one.code} ${either(one.label_da ?? '', one.label_en ?? '')}`.trim());
  return [titleOf(column), codes.join('; ')].filter(Boolean).join(' – ');
}
