import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';
import { Api, IOverview, IRequest } from './api';
import { IOutput } from './outputs';

/** How long before a room that is idle closes its person is told; ms. */
export const WARN_BEFORE = 15 * 60 * 1000;

/** My requests as they are, asked for again and again, and what I do with them. */
export class Requests {
  constructor(readonly api: Api, interval = 5000) {
    this.poll = new Poll({
      name: 'release-requests',
      factory: () => this.asked(),
      frequency: { interval, backoff: true, max: 60000 },
      standby: 'when-hidden'
    });
  }

  readonly poll: Poll;
  overview: IOverview | null = null;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A request whose state became another, not by what was done here. */
  get moved(): ISignal<this, IRequest> {
    return this._moved;
  }

  /** The room closes soon, because nothing happens in it. Said once for each end. */
  get closing(): ISignal<this, Date> {
    return this._closing;
  }

  /** Whether the platform answers; said when that changes. */
  get answering(): ISignal<this, boolean> {
    return this._answering;
  }

  /** Something happened to a cluster that nobody here did. Said once. */
  get noticed(): ISignal<this, string> {
    return this._noticed;
  }

  get returned(): IRequest[] {
    return this.overview?.requests.filter(request => request.status === 'returned') ?? [];
  }

  async refresh(): Promise<IOverview> {
    const before = new Map(this.overview?.requests.map(request => [request.request, request.status]));
    const overview = await this.api.overview();
    this.overview = overview;
    for (const request of overview.requests) {
      const was = before.get(request.request);
      if (was && was !== request.status && !this.mine.has(request.request)) {
        this._moved.emit(request);
      }
    }
    if (!this.busy) {
      this.mine.clear();
    }
    this._changed.emit();
    this.warn(overview.room.closes_at);
    for (const { id, words } of overview.room.notices) {
      if (!this.heard.has(id)) {
        this.heard.add(id);
        this._noticed.emit(words);
      }
    }
    return overview;
  }

  /**
   * Request the release of these outputs, as a new request or as a new round of a returned one.
   * When something fails nothing stays half done: a new request is withdrawn, a returned one stays returned, and the
   * error is thrown.
   */
  async request(
    title: string,
    outputs: IOutput[],
    returned: IRequest | null,
    progress: (done: number, name: string) => void
  ): Promise<IRequest> {
    if (returned) {
      this.mine.add(returned.request);
    }
    const draft = returned
      ? await this.api.act(returned.request, 'revise')
      : await this.api.create(title);
    this.mine.add(draft.request);
    this.busy = true;
    try {
      for (const [index, output] of outputs.entries()) {
        progress(index, output.name);
        await this.api.send(draft.request, output.path, { name: output.name, ...output.answers });
      }
      progress(outputs.length, '');
      return await this.api.act(draft.request, 'submit');
    } catch (error) {
      await this.api.act(draft.request, 'give-up').catch(() => undefined);
      throw error;
    } finally {
      this.busy = false;
      void this.poll.refresh();
    }
  }

  private async asked(): Promise<void> {
    try {
      await this.refresh();
      this.answers(true);
    } catch (error) {
      this.answers(false);
      throw error;
    }
  }

  private answers(now: boolean): void {
    if (now !== this.answered) {
      this.answered = now;
      this._answering.emit(now);
    }
  }

  private warn(end: string): void {
    const left = Date.parse(end) - Date.now();
    if (left > WARN_BEFORE) {
      this.warned = false;
    } else if (!this.warned) {
      this.warned = true;
      this._closing.emit(new Date(end));
    }
  }

  async withdraw(request: number): Promise<void> {
    this.mine.add(request);
    await this.api.act(request, 'withdraw');
    await this.refresh();
  }

  dispose(): void {
    this.poll.dispose();
    Signal.clearData(this);
  }

  /** What changed by my own doing, which nobody need tell me. */
  private busy = false;
  private warned = false;
  private answered = true;
  private readonly mine = new Set<number>();
  private readonly heard = new Set<string>();
  private readonly _noticed = new Signal<this, string>(this);
  private readonly _changed = new Signal<this, void>(this);
  private readonly _moved = new Signal<this, IRequest>(this);
  private readonly _closing = new Signal<this, Date>(this);
  private readonly _answering = new Signal<this, boolean>(this);
}
