import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { language } from './words';

export type Status =
  | 'draft'
  | 'submitted'
  | 'in_review'
  | 'returned'
  | 'approved'
  | 'rejected'
  | 'withdrawn'
  | 'released'
  | 'recalled'
  | 'quarantined';

/** What an author says of one output. */
export interface IAnswers {
  description: string;
  purpose: string;
  population: string;
  persons: number | null;
  data_sets: string[];
}

/** What one check found in a file, as the checker is told it, in the person's language. */
export interface IFinding {
  severity: 'block' | 'decide' | 'note';
  title: string;
  /** What would mend it. */
  mend: string;
  count: number;
  /** The first of them. */
  places: string[];
}

export interface IRequestFile extends IAnswers {
  file: number;
  name: string;
  /** Why it cannot leave, and what to do; in the person's language. */
  advice: string | null;
  findings: IFinding[];
}

export interface IRequest {
  request: number;
  title: string;
  round: number;
  status: Status;
  /** What the checker said with the last decision. */
  words: string | null;
  changed_at: string;
  files: IRequestFile[];
}

/** What a request may hold; sizes in bytes. */
export interface IAccepted {
  endings: string[];
  others: Record<string, string>;
  other: string;
  largest_file: number;
  largest_request: number;
  most_files: number;
}

/** How the room stands; sizes in bytes. */
export interface IRoom {
  /** What rooms have shown the person today, and what they may. */
  shown: number;
  budget: number;
  /** When it closes if nothing happens in it. */
  closes_at: string;
  /** What happened lately to its clusters that nobody here did; in the person's language. */
  notices: { id: string; words: string }[];
  /** Whether it may have clusters. */
  clusters: boolean;
}

export interface ICluster {
  name: string;
  status: string;
  options: { profile: string };
  /** Where its dashboard is, in the room's own addresses. */
  dashboard_route: string | null;
  /** As it counts them; null until its dashboard answers. */
  workers: number | null;
}

export interface IClusters {
  clusters: ICluster[];
  /** Those that this room's image can have. */
  profiles: string[];
}

export interface IOverview {
  room: IRoom;
  requests: IRequest[];
  data_sets: string[];
  accepted: IAccepted;
}

/** A file in the room: where it is, and its size in bytes; or why it is none. */
export interface IFound {
  path: string;
  size: number;
  problem: 'missing' | 'outside' | 'many' | null;
}

/** What the room is for, with whom, on which data and until when; sizes in bytes. */
export interface IAbout {
  title: string;
  purpose: string;
  controller: string;
  permit: string;
  permit_until: string;
  members: { full_name: string; role: string }[];
  data: { name: string; added_at: string }[];
  memory: number;
  cpus: number;
  /** Whether packages may be installed. */
  packages: boolean;
  /** The portal's address. */
  portal: string;
}

/** What the room uses; sizes in bytes, times in seconds. */
export interface IUsage {
  memory: number;
  memory_limit: number;
  /** Processors that it may use. */
  cpus: number;
  /** Processor time since the room opened, read at a time `at`. */
  processor: number;
  at: number;
  /** Programs that were ended because memory was used up. */
  killed: number;
}

/** A notebook or script that runs, or ran, without a browser. */
export interface IRun {
  id: string;
  file: string;
  started: string;
  ended: string;
  state: 'running' | 'done' | 'failed' | 'cancelled' | 'lost';
  /** Why it failed: `memory`, or its error as it was printed. */
  why: string;
  parameters: Record<string, string>;
}

export interface IColumn {
  name: string;
  type: string;
  title_da: string;
  title_en: string;
  description_da: string;
  description_en: string;
  unit: string;
  /** The code list of its data set that it uses, or empty. */
  codes: string;
}

/** `code`, `label_da`, `label_en`. */
export type ICode = Record<string, string>;

export interface IDataFile {
  path: string;
  size: number;
  /** Null where they would have to be counted. */
  rows: number | null;
  /** None where it is no table. */
  columns: IColumn[];
  /** Columns that are not listed. */
  more: number;
}

export interface IDataSet {
  name: string;
  files: IDataFile[];
  /** Files that are not listed. */
  more: number;
  codes: Record<string, ICode[]>;
}

/** The data that the room was opened with, and when. */
export interface IData {
  opened: string;
  sets: IDataSet[];
}

/** The extension's server half, which passes everything on through the room's gate. */
export class Api {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  overview(): Promise<IOverview> {
    return this.call('GET', 'requests');
  }

  about(): Promise<IAbout> {
    return this.call('GET', 'room');
  }

  data(): Promise<IData> {
    return this.call('GET', 'data');
  }

  usage(): Promise<IUsage> {
    return this.call('GET', 'usage');
  }

  runs(): Promise<IRun[]> {
    return this.call('GET', 'runs');
  }

  run(path: string, parameters: Record<string, string>, close: boolean): Promise<IRun> {
    return this.call('POST', 'runs', { path, parameters, close });
  }

  cancelRun(id: string): Promise<unknown> {
    return this.call('POST', `runs/${id}/cancel`, {});
  }

  look(paths: string[]): Promise<IFound[]> {
    return this.call('POST', 'look', { paths });
  }

  create(title: string): Promise<IRequest> {
    return this.call('POST', 'requests', { title });
  }

  send(request: number, path: string, about: IAnswers & { name: string }): Promise<unknown> {
    return this.call('POST', `requests/${request}/files`, { path, about });
  }

  act(request: number, what: 'submit' | 'withdraw' | 'revise' | 'give-up'): Promise<IRequest> {
    return this.call('POST', `requests/${request}/${what}`, {});
  }

  clusters(): Promise<IClusters> {
    return this.call('GET', 'clusters');
  }

  startCluster(profile: string, workers: number): Promise<unknown> {
    return this.call('POST', 'clusters', { profile, workers });
  }

  scaleCluster(name: string, count: number): Promise<unknown> {
    return this.call('POST', `clusters/${name}/scale`, { count });
  }

  stopCluster(name: string): Promise<unknown> {
    return this.call('POST', `clusters/${name}/stop`, {});
  }

  /** The plots that a cluster can draw: names to paths. */
  plots(name: string): Promise<Record<string, string>> {
    return this.call('GET', `clusters/${name}/plots`);
  }

  get baseUrl(): string {
    return this.settings.baseUrl;
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const url = URLExt.join(this.settings.baseUrl, 'datasluse', path);
    const headers = { 'Accept-Language': language(), 'Content-Type': 'application/json' };
    const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    const answer = await ServerConnection.makeRequest(url, init, this.settings);
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw new Error(said.error ?? said.message ?? `${answer.status} ${answer.statusText}`);
    }
    return said as T;
  }
}
