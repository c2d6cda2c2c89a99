import { expect, it } from 'vitest';
import { Connection, Door } from '../src/connection';

const refused = (status: number) => new Response('', { status, headers: { 'Datasluse-Portal': 'http://portal/rooms/x' } });
const here = 'http://room/api/contents';

function connected(answers: (Response | Error)[]): [Connection, string[], Door[]] {
  const asked: string[] = [];
  const send = async (input: RequestInfo | URL) => {
    const request = input as Request;
    asked.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`.trim());
    const answer = answers.shift()!;
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  };
  const connection = new Connection(send as typeof fetch, 'http://room/api', 1);
  const doors: Door[] = [];
  connection.changed.connect((_, door) => doors.push(door));
  return [connection, asked, doors];
}

it('holds a save while the login has ended, and makes it again', async () => {
  const [connection, asked, doors] = connected([refused(401), refused(401), new Response('{}'), new Response('saved')]);
  const answer = await connection.fetch(here, { method: 'PUT', body: 'work' });
  expect(await answer.text()).toBe('saved');
  expect(asked).toEqual(['PUT /api/contents work', 'GET /api', 'GET /api', 'PUT /api/contents work']);
  expect(doors).toEqual([{ state: 'closed', why: 'login', portal: 'http://portal/rooms/x' }, { state: 'open' }]);
});

it.each([
  [refused(404), 'room'],
  [refused(429), 'budget'],
  [refused(503), 'unreachable'],
  [new TypeError('Failed to fetch'), 'unreachable']
])('says why the door is closed', async (first, why) => {
  const [connection, , doors] = connected([first, new Response('{}'), new Response('ok')]);
  await connection.fetch(here);
  expect(doors[0]).toMatchObject({ state: 'closed', why });
});

it("passes the room's own refusals on", async () => {
  const [connection, , doors] = connected([new Response('', { status: 404 }), new Response('', { status: 503 })]);
  expect((await connection.fetch(here)).status).toBe(404);
  expect((await connection.fetch(here)).status).toBe(503);
  expect(doors).toEqual([]);
});

it('asks once for all who wait', async () => {
  const [connection, asked] = connected([
    refused(401), refused(401), new Response('{}'), new Response('a'), new Response('b')
  ]);
  await Promise.all([connection.fetch(here), connection.fetch(here)]);
  expect(asked.filter(call => call === 'GET /api')).toHaveLength(1);
});

it('lets go of what was given up', async () => {
  const given = new AbortController();
  given.abort();
  const [connection, , doors] = connected([new DOMException('aborted', 'AbortError')]);
  await expect(connection.fetch(here, { signal: given.signal })).rejects.toThrow();
  expect(doors).toEqual([]);
});

it('does not do twice what may have been done', async () => {
  const [connection, asked, doors] = connected([new TypeError('Failed to fetch'), new Response('{}')]);
  await expect(connection.fetch(here, { method: 'POST', body: 'x' })).rejects.toThrow('Failed');
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(asked).toEqual(['POST /api/contents x', 'GET /api']);
  expect(doors.map(door => door.state)).toEqual(['closed', 'open']);
});
