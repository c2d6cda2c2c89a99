import { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Api, IAbout, IData, IDataFile, IDataSet } from './api';
import { meaning } from './dictionary';
import { language, Message, say } from './words';

const ID = 'datasluse-start';
const ROLE: Record<string, Message> = { lead: 'lead', analyst: 'analyst', data_manager: 'data manager' };

const icon = new LabIcon({
  name: 'datasluse:start',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161" ' +
    'd="M8 1l7 6h-2v7H9.500v-4h-3v4H3V7H1z"/></svg>'
});

/** What the room is for: the page that is open when nothing else is. The browser's tab bears the project's name. */
export async function start(app: JupyterFrontEnd, api: Api, clusters: boolean): Promise<void> {
  const asked = api.about(); // while JupyterLab is still being put together
  const open = async (answer: Promise<IAbout>) => {
    const about = await answer;
    name(app, about.title);
    const there = Array.from(app.shell.widgets('main')).find(widget => widget.id === ID);
    if (!there) {
      const page = new MainAreaWidget({ content: new Start(app, api, about, clusters) });
      page.id = ID;
      page.title.label = say('Start');
      page.title.icon = icon;
      page.title.closable = true;
      app.shell.add(page, 'main');
    }
    app.shell.activateById(ID);
  };
  app.commands.addCommand('datasluse:start', { label: say('About this project'), icon, execute: () => open(api.about()) });
  await Promise.allSettled([app.restored, asked]);
  if (Array.from(app.shell.widgets('main')).every(widget => widget.id.startsWith('launcher'))) {
    await open(asked);
  } else {
    name(app, (await asked).title);
  }
}

/** JupyterLab writes the application's name into the tab whenever another document is shown. */
function name(app: JupyterFrontEnd, title: string): void {
  PageConfig.setOption('appName', title);
  Object.assign(app, { name: title });
  document.title = title;
}

class Start extends ReactWidget {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly api: Api,
    private readonly about: IAbout,
    private readonly clusters: boolean
  ) {
    super();
    this.addClass('datasluse-start');
  }

  protected render(): JSX.Element {
    return <Page app={this.app} api={this.api} about={this.about} clusters={this.clusters} />;
  }
}

interface IPage {
  app: JupyterFrontEnd;
  api: Api;
  about: IAbout;
  clusters: boolean;
}

function Page({ app, api, about, clusters }: IPage): JSX.Element {
  const go = (command: string, values = {}) => void app.commands.execute(command, values);
  return (
    <main aria-labelledby="datasluse-start-title">
      <h1 id="datasluse-start-title">{about.title}</h1>
      {about.purpose && <p className="datasluse-lead">{about.purpose}</p>}
      <div className="datasluse-actions">
        <button type="button" className="jp-mod-styled jp-mod-accept" onClick={() => go('notebook:create-new', { kernelName: 'python3', cwd: '/' })}>
          {say('New notebook')}
        </button>
        <button type="button" className="jp-mod-styled" onClick={() => go('terminal:create-new')}>
          {say('Terminal')}
        </button>
        <button type="button" className="jp-mod-styled" onClick={() => go('launcher:create')}>
          {say('More…')}
        </button>
        <a href={about.portal}>
          {say('To the portal')}
        </a>
      </div>
      <Facts about={about} />
      <h2>{say('Data')}</h2>
      <Data api={api} added={about.data} open={path => go('filebrowser:open-path', { path })} />
      <h2>{say('Files')}</h2>
      <p>{say('Your home is yours alone. What you put in the folder “project”, the other members see. Both are kept when the room closes.')}</p>
      <h2>{say('Results')}</h2>
      <p>
        {say('Right-click a result among the files and choose “Request release…”.')}{' '}
        {say('Nothing leaves before an output checker has approved it.')}
      </p>
      <h2>{say('Programs')}</h2>
      <p>
        {about.packages
          ? `${say('“pip install” in a terminal or a notebook takes packages from a mirror of this platform.')} ${say('What you install stays in your home, and your clusters have it, too.')}`
          : say('Nothing can be installed in this project; its operators can put packages into the image.')}{' '}
        {say('A room has no way to the internet: files come in with the project’s data.')}
      </p>
      <p>
        {say('Right-click a notebook or a script among the files and choose “Run in the background…”.')}{' '}
        {say('It goes on when you log out. What it prints and a notebook’s result are in the folder “runs”, afterwards in the project folder’s, too.')}
      </p>
      {clusters && (
        <>
          <h2>{say('Dask clusters')}</h2>
          <p>{say('A cluster computes with more memory and processors than this room. It sees the same data and files.')}</p>
          <pre>from datasluse import Cluster{'\n'}client = Cluster(workers=2).get_client()</pre>
        </>
      )}
    </main>
  );
}

function Facts({ about }: { about: IAbout }): JSX.Element {
  const until = new Date(about.permit_until).toLocaleDateString(language() === 'da' ? 'da' : 'en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC'
  });
  const gib = (about.memory / 2 ** 30).toLocaleString(language());
  return (
    <dl>
      <dt>{say('Permit')}</dt>
      <dd>
        {say('{permit} of {controller}, until {day}', { permit: about.permit, controller: about.controller, day: until })}
      </dd>
      <dt>{say('Members')}</dt>
      <dd>{about.members.map(one => `${one.full_name} (${say(ROLE[one.role] ?? 'analyst')})`).join(', ')}</dd>
      <dt>{say('This room')}</dt>
      <dd>{say('{cpus} CPU, {memory} GB memory', { memory: gib, cpus: about.cpus })}</dd>
    </dl>
  );
}

/** The data sets: what was found in their files, once that is known. */
function Data({ api, added, open }: { api: Api; added: IAbout['data']; open: (path: string) => void }): JSX.Element {
  const [found, setFound] = React.useState<IData | null>(null);
  const [error, setError] = React.useState('');
  React.useEffect(() => {
    api.data().then(setFound, e => setError(e.message));
  }, []);
  if (error) {
    return <p role="alert">{error}</p>;
  }
  if (!found) {
    return <p role="status">{say('One moment…')}</p>;
  }
  const later = added.filter(one => new Date(one.added_at) > new Date(found.opened)).map(one => one.name);
  return (
    <>
      {found.sets.length === 0 && later.length === 0 && <p>{say('This project has no data yet.')}</p>}
      {later.length > 0 && (
        <p>{say('Added since this room was opened, and there when it is opened again: {names}', { names: later.join(', ') })}</p>
      )}
      {found.sets.map(set => (
        <section key={set.name} aria-label={set.name}>
          <h3>
            <button type="button" className="datasluse-link" onClick={() => open(`data/${set.name}`)}>
              /data/{set.name}
            </button>
          </h3>
          {set.files.map(file => (
            <TableOf key={file.path} file={file} codes={set.codes} />
          ))}
          {set.more > 0 && <p>{say('and {number} more files', { number: set.more })}</p>}
        </section>
      ))}
    </>
  );
}

function TableOf({ file, codes }: { file: IDataFile; codes: IDataSet['codes'] }): JSX.Element {
  const [open, setOpen] = React.useState(false);
  const size = file.size < 1e6 ? `${Math.ceil(file.size / 1e3)} kB` : `${Math.round(file.size / 1e6).toLocaleString(language())} MB`;
  const rows = file.rows === null ? '' : `${say('{rows} rows', { rows: file.rows.toLocaleString(language()) })}, `;
  const columns = file.columns.length ? `${say('{columns} columns', { columns: file.columns.length + file.more })}, ` : '';
  const heading = (
    <>
      <code>{file.path}</code> <span>{`${rows}${columns}${size}`}</span>
    </>
  );
  if (file.columns.length === 0) {
    return <p className="datasluse-file">{heading}</p>;
  }
  const said = file.columns.map(column => meaning(column, codes[column.codes]));
  const titled = said.some(Boolean);
  return (
    <details onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{heading}</summary>
      {open && (
        <table>
          <thead>
            <tr>
              <th scope="col">{say('Column')}</th>
              <th scope="col">{say('Type')}</th>
              {titled && <th scope="col">{say('What it is')}</th>}
            </tr>
          </thead>
          <tbody>
            {file.columns.map((column, at) => (
              <tr key={column.name}>
                <th scope="row">
                  <code>{column.name}</code>
                </th>
                <td>
                  {column.type}
                  {column.unit && ` (${column.unit})`}
                </td>
                {titled && <td>{said[at]}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {open && file.more > 0 && <p>{say('and {number} more columns', { number: file.more })}</p>}
    </details>
  );
}
