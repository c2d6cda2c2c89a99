import { Notification, ReactWidget } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import { Poll } from '@lumino/polling';
import * as React from 'react';
import { Api, IUsage } from './api';
import { meter, nearly, Warnings } from './usage';
import { say } from './words';

const EVERY = 10_000;

/** Show in the status bar what the room uses, and warn before its memory is used up. */
export function addMeter(bar: IStatusBar, api: Api): void {
  const shown = new Meter();
  bar.registerStatusItem('@datasluse/release-requests:usage', { item: shown, align: 'right', rank: 100 });
  const warnings = new Warnings();
  new Poll({
    factory: async () => {
      const now = await api.usage();
      shown.reads(now);
      for (const words of warnings.after(now)) {
        Notification.warning(words, { autoClose: false });
      }
    },
    frequency: { interval: EVERY, backoff: true, max: 60_000 },
    standby: 'when-hidden'
  });
}

class Meter extends ReactWidget {
  private before: IUsage | null = null;
  private now: IUsage | null = null;

  /** Show a reading. */
  reads(now: IUsage): void {
    this.before = this.now;
    this.now = now;
    this.update();
  }

  protected render(): JSX.Element {
    if (!this.now) {
      return <span />;
    }
    const { memory, memory_limit: limit } = this.now;
    return (
      <span className="datasluse-meter" title={say('What this room uses of its memory and processors')}>
        <meter aria-hidden="true" min={0} max={limit} high={0.9 * limit} value={Math.min(memory, limit)} />{' '}
        <span className={nearly(this.now) ? 'datasluse-nearly' : ''}>{meter(this.before, this.now)}</span>
      </span>
    );
  }
}
