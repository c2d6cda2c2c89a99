import { JupyterFrontEnd } from '@jupyterlab/application';
import { IFrame, MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { LabIcon } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';
import * as React from 'react';
import { Api, ICluster, IClusters } from './api';
import { CODE, INotebook, insertBelow, ordered } from './clusters';
import { Message, say } from './words';

const STATUS: Record<string, Message> = {
  PENDING: 'starting',
  RUNNING: 'running',
  STOPPING: 'stopping'
};

const icon = new LabIcon({
  name: 'datasluse:clusters',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161" ' +
    'd="M6 1h4v4H6zM1 11h4v4H1zm5 0h4v4H6zm5 0h4v4h-4zM7.500 5h1v2.500H13.500V11h-1V8.500h-4V11h-1V8.500h-4V11h-1V7.500h5z"/></svg>'
});

/** Add the panel. It is loaded in rooms that may have clusters, and in no other. */
export function addClusters(app: JupyterFrontEnd, api: Api): void {
  const panel = new Panel(app, api);
  app.shell.add(panel, 'left', { rank: 160 });
}

class Panel extends ReactWidget {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly api: Api
  ) {
    super();
    this.id = 'datasluse-clusters';
    this.title.icon = icon;
    this.title.caption = say('Dask clusters');
    this.addClass('datasluse-panel');
  }

  protected render(): JSX.Element {
    return <List app={this.app} api={this.api} shown={() => this.isVisible} />;
  }
}

function List({ app, api, shown }: { app: JupyterFrontEnd; api: Api; shown: () => boolean }): JSX.Element {
  const [said, setSaid] = React.useState<IClusters | null>(null);
  const [error, setError] = React.useState('');
  const [busy, setBusy] = React.useState(false);
  const refresh = async () => setSaid(await api.clusters());
  React.useEffect(() => {
    const poll = new Poll({
      factory: async () => {
        if (shown()) {
          await refresh();
        }
      },
      frequency: { interval: 3000, backoff: true, max: 30000 },
      standby: 'when-hidden'
    });
    return () => poll.dispose();
  }, []);
  const act = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError('');
    try {
      await work();
      await refresh();
    } catch (e) {
      setError((e as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <h2>{say('Dask clusters')}</h2>
      <p>{say('A cluster computes with more memory and processors than this room. It sees the same data and files.')}</p>
      <Start profiles={said?.profiles ?? []} busy={busy} start={(profile, workers) => act(() => api.startCluster(profile, workers))} />
      {busy && <p role="status">{say('One moment…')}</p>}
      {error && (
        <p className="datasluse-error" role="alert">
          {error}
        </p>
      )}
      {said?.clusters.length === 0 && <p>{say('This room has no cluster now.')}</p>}
      {said?.clusters.map((cluster, index) => (
        <Card key={cluster.name} number={index + 1} cluster={cluster} app={app} api={api} busy={busy} act={act} />
      ))}
    </>
  );
}

interface IStart {
  profiles: string[];
  busy: boolean;
  start: (profile: string, workers: number) => void;
}

function Start({ profiles, busy, start }: IStart): JSX.Element {
  const [profile, setProfile] = React.useState('');
  const [workers, setWorkers] = React.useState(2);
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        start(profile || profiles[0], workers);
      }}
    >
      {profiles.length > 1 && (
        <label>
          {say('Profile')}{' '}
          <select value={profile || profiles[0]} onChange={event => setProfile(event.target.value)}>
            {profiles.map(name => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        {say('Workers')}{' '}
        <input type="number" min={0} max={58} value={workers} onChange={event => setWorkers(event.target.valueAsNumber || 0)} />
      </label>{' '}
      <button type="submit" className="jp-mod-styled" disabled={busy || profiles.length === 0}>
        {say('Start a cluster')}
      </button>
    </form>
  );
}

interface ICard {
  number: number;
  cluster: ICluster;
  app: JupyterFrontEnd;
  api: Api;
  busy: boolean;
  act: (work: () => Promise<unknown>) => Promise<void>;
}

function Card({ number, cluster, app, api, busy, act }: ICard): JSX.Element {
  const [count, setCount] = React.useState<number | null>(null);
  const [plots, setPlots] = React.useState<Record<string, string>>({});
  const heading = `datasluse-cluster-${cluster.name}`;
  const running = cluster.status === 'RUNNING';
  const workers = cluster.workers ?? '…';
  React.useEffect(() => {
    // A scheduler loads what draws its plots some seconds after it can be connected to.
    if (running && cluster.workers !== null && Object.keys(plots).length === 0) {
      void api.plots(cluster.name).then(setPlots, () => undefined);
    }
  }, [cluster]);
  const insert = async () => {
    if (!insertBelow(app.shell.currentWidget as unknown as INotebook | null, CODE)) {
      throw new Error(say('Open a notebook first.'));
    }
    app.shell.activateById(app.shell.currentWidget!.id);
  };
  const open = (path: string, label: string) => {
    const base = cluster.dashboard_route!.replace(/\/status$/, '');
    const frame = new IFrame({ sandbox: ['allow-scripts', 'allow-same-origin'] });
    frame.url = URLExt.join(api.baseUrl, base, path);
    const widget = new MainAreaWidget({ content: frame });
    widget.title.label = label;
    widget.title.icon = icon;
    widget.title.closable = true;
    frame.node.querySelector('iframe')?.setAttribute('title', label);
    app.shell.add(widget, 'main', { mode: 'split-right' });
  };
  return (
    <article aria-labelledby={heading} data-status={cluster.status}>
      <h3 id={heading}>{say('Cluster {number}, {profile}', { number, profile: cluster.options.profile })}</h3>
      <p>
        <strong>{say(STATUS[cluster.status] ?? 'starting')}</strong>
        {running && `, ${say('workers: {workers}', { workers })}`}
      </p>
      {running && (
        <>
          <form
            onSubmit={event => {
              event.preventDefault();
              void act(() => api.scaleCluster(cluster.name, count ?? cluster.workers ?? 1));
            }}
          >
            <label>
              {say('Workers')}{' '}
              <input
                type="number"
                min={0}
                max={58}
                value={count ?? cluster.workers ?? 1}
                onChange={event => setCount(event.target.valueAsNumber || 0)}
              />
            </label>{' '}
            <button type="submit" className="jp-mod-styled" disabled={busy}>
              {say('Scale')}
            </button>
          </form>
          <p>
            <button type="button" className="jp-mod-styled" onClick={() => void act(insert)}>
              {say('Insert code')}
            </button>
          </p>
          {Object.keys(plots).length > 0 && (
            <label>
              {say('Show a plot')}{' '}
              <select
                value=""
                onChange={event => open(event.target.value, event.target.selectedOptions[0].label)}
              >
                <option value="">{say('Choose…')}</option>
                {ordered(plots).map(([label, path]) => (
                  <option key={path} value={path}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
          )}
        </>
      )}
      <p>
        <button
          type="button"
          className="jp-mod-styled jp-mod-warn"
          disabled={busy}
          onClick={() => void act(() => api.stopCluster(cluster.name))}
        >
          {say('Stop the cluster')}
          <span className="datasluse-unseen"> {number}</span>
        </button>
      </p>
    </article>
  );
}
