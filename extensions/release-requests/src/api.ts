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

export interface IRequestFile extends IAnswers {
  file: number;
  name: string;
  /** Why it cannot leave, and what to do; in the person's language. */
  advice: string | null;
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

/** The extension's server half, which passes everything on through the room's gate. */
export class Api {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  overview(): Promise<IOverview> {
    return this.call('GET', 'requests');
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
