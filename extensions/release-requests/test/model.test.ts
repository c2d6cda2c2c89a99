import { expect, it } from 'vitest';
import { Api, IOverview, IRequest, Status } from '../src/api';
import { Requests } from '../src/model';
import { IOutput } from '../src/outputs';

class Room {
  said: string[] = [];
  status: Status = 'in_review';
  broken = '';

  minutes = 240;
  away = false;
  notices: { id: string; words: string }[] = [];

  overview = async () => {
    if (this.away) {
      throw new Error('502');
    }
    const closes_at = new Date(Date.now() + this.minutes * 60_000).toISOString();
    return { requests: [this.row()], room: { shown: 0, budget: 1, closes_at, notices: this.notices } } as unknown as IOverview;
  };
  create = async () => this.did('create');
  send = async (_: number, path: string) => this.did(`send ${path}`);
  act = async (_: number, what: string) => this.did(what);

  private did(what: string): IRequest {
    this.said.push(what);
    if (this.broken && what.includes(this.broken)) {
      throw new Error('refused');
    }
    return this.row();
  }

  private row(): IRequest {
    return { request: 7, title: 'T', status: this.status } as IRequest;
  }
}

const output = (path: string): IOutput => ({ path, name: path, size: 1, problem: null, answers: {} as never });
const model = (room: Room) => new Requests(room as unknown as Api, 1_000_000);

it('sends every file, then hands the request in', async () => {
  const room = new Room();
  const at: string[] = [];
  await model(room).request('T', [output('a'), output('b')], null, (done, name) => at.push(`${done} ${name}`));
  expect(room.said).toEqual(['create', 'send a', 'send b', 'submit']);
  expect(at).toEqual(['0 a', '1 b', '2 ']);
});

it('makes a new round of a returned request', async () => {
  const room = new Room();
  await model(room).request('', [output('a')], { request: 7 } as IRequest, () => undefined);
  expect(room.said).toEqual(['revise', 'send a', 'submit']);
});

it('leaves nothing half done when a file is refused', async () => {
  const room = new Room();
  room.broken = 'send b';
  await expect(model(room).request('T', [output('a'), output('b')], null, () => undefined)).rejects.toThrow('refused');
  expect(room.said).toEqual(['create', 'send a', 'send b', 'give-up']);
});

it('tells of a request that moved, and not of what was done here', async () => {
  const room = new Room();
  const requests = model(room);
  const told: Status[] = [];
  requests.moved.connect((_, request) => told.push(request.status));
  await requests.refresh();
  room.status = 'returned';
  await requests.refresh();
  await requests.refresh();
  room.status = 'withdrawn';
  await requests.withdraw(7);
  expect(told).toEqual(['returned']);
});

it('warns once before an idle room closes, and again after somebody was there', async () => {
  const room = new Room();
  const requests = model(room);
  let warned = 0;
  requests.closing.connect(() => (warned += 1));
  const at = async (minutes: number) => {
    room.minutes = minutes;
    await requests.refresh();
    return warned;
  };
  expect([await at(240), await at(16), await at(14), await at(10), await at(240), await at(5)]).toEqual([0, 0, 1, 1, 1, 2]);
});

it('tells once what happened to a cluster', async () => {
  const room = new Room();
  const requests = model(room);
  const told: string[] = [];
  requests.noticed.connect((_, words) => told.push(words));
  await requests.refresh();
  room.notices = [{ id: 'a', words: 'a worker was replaced' }];
  await requests.refresh();
  room.notices = [...room.notices, { id: 'b', words: 'the cluster ended' }];
  await requests.refresh();
  await requests.refresh();
  expect(told).toEqual(['a worker was replaced', 'the cluster ended']);
});

it('says once when the platform does not answer, and once when it does again', async () => {
  const room = new Room();
  const requests = model(room);
  const said: boolean[] = [];
  requests.answering.connect((_, answers) => said.push(answers));
  for (const away of [false, true, true, false, false]) {
    room.away = away;
    const ticked = requests.poll.tick.catch(() => undefined);
    void requests.poll.refresh();
    await ticked;
  }
  expect(said).toEqual([false, true]);
});
