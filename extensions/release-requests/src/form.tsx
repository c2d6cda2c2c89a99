import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { IAnswers, IOverview, IRequest } from './api';
import { Requests } from './model';
import { answeredAsBefore, IOutput, tooMuch } from './outputs';
import { say } from './words';

/**
 * Ask what each output is, and request its release. Resolves to the request, or to null when the person thought better.
 * A `<dialog>` of the browser's own: it keeps the keyboard inside, and Escape closes it.
 */
export function askAndRequest(model: Requests, overview: IOverview, chosen: IOutput[]): Promise<IRequest | null> {
  const frame = document.createElement('dialog');
  frame.className = 'datasluse-dialog';
  frame.setAttribute('aria-label', say('Request release'));
  document.body.append(frame);
  const root = createRoot(frame);
  return new Promise(resolve => {
    let result: IRequest | null = null;
    frame.addEventListener('close', () => {
      root.unmount();
      frame.remove();
      resolve(result);
    });
    const done = (request: IRequest) => {
      result = request;
      frame.close();
    };
    frame.addEventListener('cancel', event => {
      if (frame.querySelector('progress')) {
        event.preventDefault(); // what is being sent is not half-way left
      }
    });
    root.render(<Form model={model} overview={overview} chosen={chosen} done={done} cancel={() => frame.close()} />);
    frame.showModal();
  });
}

interface IFormProps {
  model: Requests;
  overview: IOverview;
  chosen: IOutput[];
  done: (request: IRequest) => void;
  cancel: () => void;
}

function Form({ model, overview, chosen, done, cancel }: IFormProps): JSX.Element {
  const [outputs, setOutputs] = React.useState(chosen);
  const [returned, setReturned] = React.useState<IRequest | null>(null);
  const [title, setTitle] = React.useState('');
  const [sending, setSending] = React.useState<{ done: number; name: string } | null>(null);
  const [error, setError] = React.useState<string | null>(null);

  const good = outputs.filter(output => !output.problem);
  const bad = outputs.filter(output => output.problem);
  const tooLarge = tooMuch(good, overview.accepted);

  const answer = (path: string, answers: Partial<IAnswers>) =>
    setOutputs(outputs.map(o => (o.path === path ? { ...o, answers: { ...o.answers, ...answers } } : o)));
  const partOf = (number: string) => {
    const request = model.returned.find(r => String(r.request) === number) ?? null;
    setReturned(request);
    setOutputs(request ? answeredAsBefore(outputs, request) : outputs);
  };
  const send = async (event: React.FormEvent) => {
    event.preventDefault();
    setError(null);
    try {
      done(await model.request(title, good, returned, (count, name) => setSending({ done: count, name })));
    } catch (e) {
      setSending(null);
      setError(say('Nothing was requested. {why}', { why: (e as Error).message }));
    }
  };

  return (
    <form onSubmit={send} onKeyDown={event => event.stopPropagation()}>
      <h2>{say('Request release')}</h2>
      <p>{say('Nothing leaves before an output checker has approved it.')}</p>
      {bad.length > 0 && (
        <section className="datasluse-refused" role="alert">
          <h3>{say('Cannot be requested')}</h3>
          <ul>
            {bad.map(output => (
              <li key={output.path}>
                <strong>{output.name}</strong>: {output.problem}
              </li>
            ))}
          </ul>
        </section>
      )}
      {good.length === 0 && <p>{say('There is nothing here that can be requested.')}</p>}
      <fieldset disabled={sending !== null} className="datasluse-plain">
        {good.length > 0 && (
          <>
            {model.returned.length > 0 && (
              <label>
                {say('Part of')}
                <select value={returned?.request ?? ''} onChange={event => partOf(event.target.value)}>
                  <option value="">{say('a new request')}</option>
                  {model.returned.map(request => (
                    <option key={request.request} value={request.request}>
                      {say('a new round of {number}: {title}', { number: request.request, title: request.title })}
                    </option>
                  ))}
                </select>
              </label>
            )}
            {!returned && (
              <label>
                {say('Title of the request')}
                <input required maxLength={200} value={title} onChange={event => setTitle(event.target.value)} />
              </label>
            )}
          </>
        )}
        {good.map((output, index) => (
          <Output
            key={output.path}
            output={output}
            dataSets={overview.data_sets}
            answer={answers => answer(output.path, answers)}
            forAll={
              index === 0 && good.length > 1
                ? () => setOutputs(outputs.map(o => ({ ...o, answers: { ...output.answers } })))
                : null
            }
          />
        ))}
      </fieldset>
      {(error ?? tooLarge) && (
        <p className="datasluse-error" role="alert">
          {error ?? tooLarge}
        </p>
      )}
      {sending && (
        <p role="status">
          <progress max={good.length + 1} value={sending.done} />{' '}
          {sending.name
            ? say('Sending {done} of {all}: {name}', { done: sending.done + 1, all: good.length, name: sending.name })
            : say('Handing in…')}
        </p>
      )}
      <div className="datasluse-buttons">
        <button type="button" onClick={cancel} disabled={sending !== null} className="jp-mod-styled jp-mod-reject">
          {say('Cancel')}
        </button>
        {good.length > 0 && (
          <button disabled={sending !== null || tooLarge !== null} className="jp-mod-styled jp-mod-accept">
            {say('Request release')}
          </button>
        )}
      </div>
    </form>
  );
}

interface IOutputProps {
  output: IOutput;
  dataSets: string[];
  answer: (answers: Partial<IAnswers>) => void;
  forAll: (() => void) | null;
}

function Output({ output, dataSets, answer, forAll }: IOutputProps): JSX.Element {
  const { description, purpose, population, persons, data_sets } = output.answers;
  const toggle = (name: string) =>
    answer({ data_sets: data_sets.includes(name) ? data_sets.filter(d => d !== name) : [...data_sets, name] });
  return (
    <fieldset>
      <legend>{output.name}</legend>
      <label>
        {say('What is it?')}
        <textarea
          required
          maxLength={4000}
          rows={2}
          value={description}
          onChange={event => answer({ description: event.target.value })}
        />
      </label>
      <label>
        {say('What is it for?')}
        <input required maxLength={4000} value={purpose} onChange={event => answer({ purpose: event.target.value })} />
      </label>
      <label>
        {say('Which population does it describe?')}
        <input
          required
          maxLength={2000}
          value={population}
          onChange={event => answer({ population: event.target.value })}
        />
      </label>
      <label>
        {say('How many persons? (leave empty if it describes none)')}
        <input
          type="number"
          min={0}
          max={Number.MAX_SAFE_INTEGER}
          value={persons ?? ''}
          onChange={event => answer({ persons: event.target.value === '' ? null : Number(event.target.value) })}
        />
      </label>
      {dataSets.length > 0 && (
        <fieldset className="datasluse-choices">
          <legend>{say('Which data sets?')}</legend>
          {dataSets.map(name => (
            <label key={name}>
              <input type="checkbox" checked={data_sets.includes(name)} onChange={() => toggle(name)} /> {name}
            </label>
          ))}
        </fieldset>
      )}
      {forAll && (
        <button type="button" onClick={forAll} className="jp-mod-styled">
          {say('Use these answers for all')}
        </button>
      )}
    </fieldset>
  );
}
