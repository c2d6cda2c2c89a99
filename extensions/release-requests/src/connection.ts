import { ISignal, Signal } from '@lumino/signaling';

/** Where the way into the room stands. */
export type Door =
  | { state: 'open' }
  | { state: 'closed'; why: 'login' | 'room' | 'budget' | 'unreachable'; portal: string | null };

/** Set by the gate and the edge, in front of the room, on what they refuse: where to log in again. */
const PORTAL = 'Datasluse-Portal';

const WHY: Record<number, 'login' | 'room' | 'budget'> = { 401: 'login', 404: 'room', 429: 'budget' };

/** What may be done twice. A refusal in front of the room was not done; after a broken connection nobody knows. */
const AGAIN = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);

/**
 * Requests that wait while the door is closed, and are then made again. JupyterLab sees only slow answers:
 * it does not take its kernels for dead, and nothing that was about to be saved is lost.
 */
export class Connection {
  constructor(
    private readonly send: typeof fetch,
    private readonly probe: string,
    private readonly pause = 3000
  ) {}

  door: Door = { state: 'open' };

  get changed(): ISignal<this, Door> {
    return this._changed;
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    for (;;) {
      const answer = await this.attempt(request.clone());
      if (answer) {
        return answer;
      }
      await (this.waiting ??= this.reopened().finally(() => (this.waiting = null)));
    }
  };

  /** An answer from the room; null when there was none from inside. */
  private async attempt(request: Request): Promise<Response | null> {
    let answer: Response;
    try {
      answer = await this.send.call(null, request);
    } catch (error) {
      if (request.signal.aborted) {
        throw error;
      }
      this.becomes({ state: 'closed', why: 'unreachable', portal: null });
      if (!AGAIN.has(request.method)) {
        void (this.waiting ??= this.reopened().finally(() => (this.waiting = null)));
        throw error;
      }
      return null;
    }
    const portal = answer.headers.get(PORTAL);
    if (portal && !answer.ok) {
      const why = WHY[answer.status] ?? 'unreachable';
      this.becomes({ state: 'closed', why, portal });
      return null;
    }
    this.becomes({ state: 'open' });
    return answer;
  }

  private async reopened(): Promise<void> {
    do {
      await new Promise(resolve => setTimeout(resolve, this.pause));
    } while (!(await this.attempt(new Request(this.probe, { cache: 'no-store' }))));
  }

  private becomes(door: Door): void {
    if (JSON.stringify(door) !== JSON.stringify(this.door)) {
      this.door = door;
      this._changed.emit(door);
    }
  }

  private waiting: Promise<void> | null = null;
  private readonly _changed = new Signal<this, Door>(this);
}
