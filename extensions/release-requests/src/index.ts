import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IServerSettings, ServerConnection, ServiceManagerPlugin } from '@jupyterlab/services';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import { Api } from './api';
import { Connection } from './connection';
import { tellAboutTheDoor } from './door';
import { askAndRequest } from './form';
import { Requests } from './model';
import { outputs } from './outputs';
import { icon, Panel, statusOf } from './panel';
import { addRuns } from './runs-panel';
import { start } from './start';
import { addMeter } from './usage-meter';
import { language, say, speak } from './words';

const door = new Connection(window.fetch, URLExt.join(PageConfig.getBaseUrl(), 'api'));

/** In the place of JupyterLab's own settings (page_config.json turns those off): the same, over a patient connection. */
const connection: ServiceManagerPlugin<ServerConnection.ISettings> = {
  id: '@datasluse/release-requests:connection',
  description: 'Waits while the way into the room is closed.',
  autoStart: true,
  provides: IServerSettings,
  activate: () => ServerConnection.makeSettings({ fetch: door.fetch })
};

const requests: JupyterFrontEndPlugin<void> = {
  id: '@datasluse/release-requests:plugin',
  description: 'Asks for results to leave the room.',
  autoStart: true,
  requires: [IFileBrowserFactory, IDocumentManager, ITranslator],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    files: IFileBrowserFactory,
    documents: IDocumentManager,
    translator: ITranslator,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null
  ) => {
    speak(translator.languageCode, navigator.languages);
    tellAboutTheDoor(door);
    const model = new Requests(new Api(app.serviceManager.serverSettings));
    const panel = new Panel(model);
    app.shell.add(panel, 'left', { rank: 150 });
    restorer?.add(panel, panel.id);
    if (statusBar) {
      addMeter(statusBar, model.api);
    }
    model.moved.connect((_, request) => {
      const { request: number, title, status: now } = request;
      if (['submitted', 'in_review', 'approved'].includes(now)) {
        return;
      }
      Notification.info(say('Request {number}, {title}: {status}', { number, title, status: statusOf(request) }), {
        autoClose: false
      });
    });

    model.closing.connect((_, end) => {
      const time = end.toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit' });
      Notification.warning(say('Nothing happens in this room. It closes at {time} unless you do something in it.', { time }), {
        autoClose: false
      });
    });

    const clusters = () => {
      if (model.overview) {
        model.changed.disconnect(clusters);
        start(app, model.api, model.overview.room.clusters).catch(e => Notification.error((e as Error).message));
        if (model.overview.room.clusters) {
          void import('./clusters-panel').then(({ addClusters }) => addClusters(app, model.api));
        }
      }
    };
    model.changed.connect(clusters);
    model.noticed.connect((_, words) => Notification.warning(words, { autoClose: false }));

    let silent = '';
    model.answering.connect((_, answers) => {
      if (answers) {
        Notification.dismiss(silent);
      } else {
        silent = Notification.error(
          say('The platform cannot be asked who may be here. If that lasts for five minutes, this room closes its door.'),
          { autoClose: false }
        );
      }
    });

    const ask = async (paths: string[]) => {
      try {
        for (const path of paths) {
          await saved(path);
        }
        const [overview, found] = await Promise.all([model.refresh(), model.api.look(paths)]);
        const request = await askAndRequest(model, overview, outputs(found, overview.accepted, overview.data_sets));
        if (request) {
          Notification.success(say('Request {number} is handed in.', { number: request.request }));
          shell?.activateById(panel.id);
        }
      } catch (e) {
        Notification.error((e as Error).message);
      }
    };
    const open = () => (app.shell.currentWidget ? documents.contextForWidget(app.shell.currentWidget) : undefined);
    const saved = async (path: string) => {
      const context = documents.findWidget(path)?.context;
      if (context?.model.dirty) {
        await context.save(); // what is taken is what is seen
      }
    };
    addRuns(app, model.api, { selected: () => selected(files)[0], open: () => open()?.path, save: saved });
    app.commands.addCommand('release-requests:request', {
      label: say('Request release…'),
      icon,
      isEnabled: () => selected(files).length > 0,
      execute: () => ask(selected(files))
    });
    app.commands.addCommand('release-requests:request-open', {
      label: say('Request release…'),
      caption: say('Request release…'),
      icon,
      isEnabled: () => open() !== undefined,
      execute: async () => {
        const context = open();
        if (context) {
          await ask([context.path]);
        }
      }
    });
    palette?.addItem({ command: 'datasluse:start', category: say('This room') });
    for (const command of ['release-requests:request', 'release-requests:request-open']) {
      palette?.addItem({ command, category: say('Requests for release') });
    }
  }
};

function selected(files: IFileBrowserFactory): string[] {
  const browser = files.tracker.currentWidget;
  return browser ? Array.from(browser.selectedItems(), item => item.path) : [];
}

export default [connection, requests];
