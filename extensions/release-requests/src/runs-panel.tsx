import { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification, ReactWidget } from '@jupyterlab/apputils';
import { LabIcon } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { Api, IRun } from './api';
import { parameters, toTell } from './runs';
import { language, Message, say } from './words';

const STATE: Record<IRun['state'], Message> = {
  running: 'running',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  lost: 'ended with its room'
};

const icon = new LabIcon({
  name: 'datasluse:runs',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161" ' +
    'd="M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm0 1.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11zM7.200 4.500h1.500v3.200l2.300 1.400-.8 1.300-3-1.800z"/></svg>'
});

/** The person's runs as they are, asked for again and again. */
class Runs {
  constructor(readonly api: Api) {
    this.poll = new Poll({
      factory: async () => {
        this.listed = await api.runs();
        this.changed_.emit();
      },
      frequency: { interval: 15_000, backoff: true, max: 60_000 },
      standby: 'when-hidden'
    });
  }

  readonly poll: Poll;
  listed: IRun[] = [];

  get changed(): ISignal<this, void> {
    return this.changed_;
  }

  private readonly changed_ = new Signal<this, void>(this);
}

/** What can run so. */
const RUNS = /\.(ipynb|py|[Rr]|sh)$/;

/** Where a command finds what to run, and how it is saved first. */
interface IChosen {
  selected: () => string | undefined;
  open: () => string | undefined;
  save: (path: string) => Promise<void>;
}

/** Add the panel, the commands that run what is chosen, and a notice of each run that ended. */
export function addRuns(app: JupyterFrontEnd, api: Api, chosen: IChosen): void {
  const runs = new Runs(api);
  app.shell.add(new Panel(app, runs), 'left', { rank: 155 });
  runs.changed.connect(() => {
    for (const run of toTell(runs.listed, window.localStorage, Date.now())) {
      const words = { name: named(run), state: say(STATE[run.state]) };
      const told = [say('{name}, in the background: {state}', words), why(run)].filter(Boolean).join('. ');
      if (run.state === 'done') {
        Notification.success(told, { autoClose: 30_000 });
      } else {
        Notification.warning(told, { autoClose: false });
      }
    }
  });
  const begin = async (path: string) => {
    try {
      await chosen.save(path);
      if (await ask(api, path)) {
        Notification.success(say('It runs, also when you log out. See it under “Background runs” on the left.'));
        await runs.poll.refresh();
      }
    } catch (e) {
      Notification.error((e as Error).message);
    }
  };
  for (const [command, path] of [
    ['datasluse:run', chosen.selected],
    ['datasluse:run-open', chosen.open]
  ] as const) {
    app.commands.addCommand(command, {
      label: say('Run in the background…'),
      caption: say('Run in the background…'),
      icon,
      isVisible: () => command === 'datasluse:run-open' || RUNS.test(path() ?? ''), // above notebooks alone
      execute: () => begin(path() ?? '')
    });
  }
}

const named = (run: IRun) => run.file.split('/').pop() ?? run.file;
const why = (run: IRun) => (run.why === 'memory' ? say('It used up the room’s memory.') : run.why);

class Panel extends ReactWidget {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly runs: Runs
  ) {
    super();
    this.id = 'datasluse-runs';
    this.title.icon = icon;
    this.title.caption = say('Background runs');
    this.addClass('datasluse-panel');
    runs.changed.connect(() => this.update());
  }

  protected render(): JSX.Element {
    const open = (run: IRun) => void this.app.commands.execute('filebrowser:open-path', { path: `runs/${run.id}` });
    const cancel = async (run: IRun) => {
      try {
        await this.runs.api.cancelRun(run.id);
      } catch (e) {
        Notification.error((e as Error).message);
      }
      await this.runs.poll.refresh();
    };
    return (
      <>
        <h2>{say('Background runs')}</h2>
        <p>
          {say('Right-click a notebook or a script among the files and choose “Run in the background…”.')}{' '}
          {say('It goes on when you log out. What it prints and a notebook’s result are in the folder “runs”, afterwards in the project folder’s, too.')}
        </p>
        {this.runs.listed.length === 0 && <p>{say('Nothing has run in the background here yet.')}</p>}
        {this.runs.listed.map(run => (
          <article key={run.id} data-state={run.state} aria-labelledby={`datasluse-run-${run.id}`}>
            <h3 id={`datasluse-run-${run.id}`}>{named(run)}</h3>
            <p>
              <strong>{say(STATE[run.state])}</strong>
              {`, ${when(run.started)}`}
            </p>
            {Object.keys(run.parameters).length > 0 && (
              <p>
                {Object.entries(run.parameters)
                  .map(([name, value]) => `${name} = ${value}`)
                  .join(', ')}
              </p>
            )}
            {run.why && <blockquote>{why(run)}</blockquote>}
            <button type="button" className="jp-mod-styled" onClick={() => open(run)}>
              {say('Show its files')}
              <span className="datasluse-unseen"> {run.id}</span>
            </button>{' '}
            {run.state === 'running' && (
              <button type="button" className="jp-mod-styled jp-mod-warn" onClick={() => void cancel(run)}>
                {say('Cancel')}
                <span className="datasluse-unseen"> {run.id}</span>
              </button>
            )}
          </article>
        ))}
      </>
    );
  }
}

function when(time: string): string {
  return new Date(time).toLocaleString(language() === 'da' ? 'da' : 'en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

/** Ask with which parameters; resolves to whether it was begun. */
function ask(api: Api, path: string): Promise<boolean> {
  const frame = document.createElement('dialog');
  frame.className = 'datasluse-dialog';
  frame.setAttribute('aria-label', say('Run in the background'));
  document.body.append(frame);
  const root = createRoot(frame);
  return new Promise(resolve => {
    let begun = false;
    frame.addEventListener('close', () => {
      root.unmount();
      frame.remove();
      resolve(begun);
    });
    const done = () => {
      begun = true;
      frame.close();
    };
    root.render(<Form api={api} path={path} done={done} cancel={() => frame.close()} />);
    frame.showModal();
  });
}

function Form({ api, path, done, cancel }: { api: Api; path: string; done: () => void; cancel: () => void }): JSX.Element {
  const [text, setText] = React.useState('');
  const [close, setClose] = React.useState(false);
  const [error, setError] = React.useState('');
  const notebook = path.endsWith('.ipynb');
  const begin = async (event: React.FormEvent) => {
    event.preventDefault();
    let given: Record<string, string>;
    try {
      given = parameters(text);
    } catch (e) {
      setError(say('This is no parameter, such as year = 2020: {line}', { line: (e as Error).message }));
      return;
    }
    try {
      await api.run(path, given, close);
      done();
    } catch (e) {
      setError((e as Error).message);
    }
  };
  return (
    <form onSubmit={begin} onKeyDown={event => event.stopPropagation()}>
      <h2>{say('Run in the background')}</h2>
      <p>
        <code>{path}</code>
      </p>
      <p>{say('It runs from the beginning, as it was last saved, with this room’s memory and processors. It goes on when you log out.')}</p>
      {notebook && (
        <label>
          {say('Parameters, one a line, such as year = 2020 (they stand after the cell tagged “parameters”)')}
          <textarea rows={3} value={text} onChange={event => setText(event.target.value)} spellCheck={false} />
        </label>
      )}
      <label>
        <input type="checkbox" checked={close} onChange={event => setClose(event.target.checked)} />{' '}
        {say('Close the room when it is done')}
      </label>
      {error && (
        <p className="datasluse-error" role="alert">
          {error}
        </p>
      )}
      <div className="datasluse-buttons">
        <button type="button" className="jp-mod-styled" onClick={cancel}>
          {say('Cancel')}
        </button>
        <button type="submit" className="jp-mod-styled jp-mod-accept">
          {say('Run')}
        </button>
      </div>
    </form>
  );
}
