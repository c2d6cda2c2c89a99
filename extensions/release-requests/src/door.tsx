import { Notification } from '@jupyterlab/apputils';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { Connection, Door } from './connection';
import { say } from './words';

/** Say in plain words that the way into the room is closed, and how to come back; take it away when it is open again. */
export function tellAboutTheDoor(connection: Connection): void {
  let frame: HTMLDialogElement | null = null;
  connection.changed.connect((_, door) => {
    frame?.close();
    frame = null;
    if (door.state === 'open') {
      Notification.success(say('You are back in the room.'), { autoClose: 5000 });
    } else {
      frame = show(door);
    }
  });
}

function show(door: Door & { state: 'closed' }): HTMLDialogElement {
  const frame = document.createElement('dialog');
  frame.className = 'datasluse-dialog';
  const title = {
    login: say('Your login has ended'),
    room: say('The room is not open'),
    budget: say('You have been shown as much today as one person may'),
    unreachable: say('The room cannot be reached')
  }[door.why];
  frame.setAttribute('aria-label', title);
  const root = createRoot(frame);
  frame.addEventListener('close', () => {
    root.unmount();
    frame.remove();
  });
  root.render(
    <>
      <h2>{title}</h2>
      <p>
        {door.why === 'room'
          ? say('Your files are kept, and what you wrote on this page is kept here.')
          : say('What runs in the room goes on, and what you wrote on this page is kept here.')}
      </p>
      {door.portal ? (
        <>
          <p>
            {door.why === 'budget'
              ? say('Tomorrow this page goes on by itself. If you need it today, ask the operator. The address:')
              : say('Log in and open the room in another tab: this page then goes on by itself. The address:')}
          </p>
          <p>
            <code>{door.portal}</code>
          </p>
        </>
      ) : (
        <p>{say('This page tries again by itself.')}</p>
      )}
      <div className="datasluse-buttons">
        {door.portal && (
          <button type="button" className="jp-mod-styled" onClick={() => window.location.assign(door.portal!)}>
            {say('Go there in this tab')}
          </button>
        )}
        <button type="button" className="jp-mod-styled jp-mod-accept" onClick={() => frame.close()}>
          {say('Wait here')}
        </button>
      </div>
    </>
  );
  document.body.append(frame);
  frame.showModal();
  return frame;
}
