import { IUsage } from './api';
import { language, say } from './words';

/** From here on memory is nearly used up; the warning is said again only after it was below the second. */
const NEARLY = 0.9;
const AGAIN_BELOW = 0.8;

const gb = (bytes: number) => (bytes / 2 ** 30).toLocaleString(language(), { maximumFractionDigits: 1 });

/** Whether memory is nearly used up. */
export const nearly = (now: IUsage) => now.memory >= NEARLY * now.memory_limit;

/** What stands in the meter: memory, and the processors since the reading before. */
export function meter(before: IUsage | null, now: IUsage): string {
  const memory = say('Memory {used} of {all} GB', { used: gb(now.memory), all: gb(now.memory_limit) });
  if (!before || now.at <= before.at) {
    return memory;
  }
  const busy = (now.processor - before.processor) / (now.at - before.at) / now.cpus;
  return `${memory}, ${say('CPU {percent} %', { percent: Math.min(100, Math.round(100 * busy)) })}`;
}

/** Says each thing once: that memory is nearly used up, and that a program was ended for it. JupyterLab shows 140 characters. */
export class Warnings {
  private warned = false;
  private killed: number | null = null;

  /** What is to be said after a reading. */
  after(now: IUsage): string[] {
    const said: string[] = [];
    if (this.killed !== null && now.killed > this.killed) {
      said.push(
        say('The room’s {all} GB of memory were used up, and a program was ended. A kernel loses its variables; files are kept.', {
          all: gb(now.memory_limit)
        })
      );
    } else if (nearly(now) && !this.warned) {
      said.push(
        say(
          'This room’s memory is nearly used up: {used} of {all} GB. Shut down kernels that you do not use, or delete large variables.',
          { used: gb(now.memory), all: gb(now.memory_limit) }
        )
      );
    }
    this.warned = nearly(now) || (this.warned && now.memory >= AGAIN_BELOW * now.memory_limit);
    this.killed = now.killed;
    return said;
  }
}
