import { Dialog, ReactWidget, showDialog, UseSignal } from '@jupyterlab/apputils';
import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { IFinding, IRequest, IRoom, Status } from './api';
import { Requests } from './model';
import { language, Message, say } from './words';

const STATUS: Record<Status, Message> = {
  draft: 'draft',
  submitted: 'handed in, being inspected',
  in_review: 'with the output checkers',
  returned: 'returned',
  approved: 'approved, being released',
  rejected: 'rejected',
  withdrawn: 'withdrawn',
  released: 'released',
  recalled: 'recalled',
  quarantined: 'held back'
};
const WITHDRAWN_FROM: Status[] = ['draft', 'submitted', 'in_review', 'returned'];

/** A request's state in words. */
export function statusOf(request: IRequest): string {
  return say(STATUS[request.status]);
}

export const icon = new LabIcon({
  name: 'datasluse:release-requests',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161" ' +
    'd="M2 2h7v2H4v8h5v2H2zm8.6 2.6L14 8l-3.4 3.4-1.3-1.3L10.600 9H6V7h4.600L9.300 5.900z"/></svg>'
});

/** The side panel: my requests, how they stand, what was said, and the way to take one back. */
export class Panel extends ReactWidget {
  constructor(private readonly model: Requests) {
    super();
    this.id = 'datasluse-release-requests';
    this.title.icon = icon;
    this.title.caption = say('Requests for release');
    this.addClass('datasluse-panel');
  }

  protected render(): JSX.Element {
    return <UseSignal signal={this.model.changed}>{() => <List model={this.model} />}</UseSignal>;
  }
}

function List({ model }: { model: Requests }): JSX.Element {
  const requests = model.overview?.requests;
  return (
    <>
      <h2>{say('Requests for release')}</h2>
      {model.overview && <Shown room={model.overview.room} />}
      <p>{say('Right-click a result among the files and choose “Request release…”.')}</p>
      {requests?.length === 0 && <p>{say('There are no requests from this room yet.')}</p>}
      {requests?.map(request => (
        <Card key={request.request} request={request} model={model} />
      ))}
    </>
  );
}

/** How much of the day's amount the person has been shown, as a number and as a bar. */
function Shown({ room }: { room: IRoom }): JSX.Element {
  const mb = (bytes: number) => (bytes / 1e6).toLocaleString(language(), { maximumFractionDigits: 1 });
  const values = { shown: mb(room.shown), budget: mb(room.budget) };
  return (
    <p>
      <label>
        {say('Shown to you today: {shown} of {budget} MB', values)}
        <meter min={0} max={room.budget} value={room.shown} />
      </label>
    </p>
  );
}

/** What the checker is told of a file, so that its author may mend it first. */
function Findings({ of: findings }: { of: IFinding[] }): JSX.Element | null {
  if (findings.length === 0) {
    return null;
  }
  return (
    <div className="datasluse-findings">
      {say('The checker is told this:')}
      <ul>
        {findings.map(({ title, severity, count, places, mend }) => (
          <li key={title} data-severity={severity}>
            <strong>{title}</strong> ({places.join('; ')}
            {count > places.length && ` … ${count}`}). {mend}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Card({ request, model }: { request: IRequest; model: Requests }): JSX.Element {
  const { request: number, title, round, words, status } = request;
  const heading = `datasluse-request-${number}`;
  const [error, setError] = React.useState('');
  const withdraw = async () => {
    const asked = await showDialog({
      title: say('Withdraw request {number}?', { number }),
      body: say('It cannot be taken up again; you can make a new one.'),
      buttons: [Dialog.cancelButton({ label: say('Cancel') }), Dialog.warnButton({ label: say('Withdraw') })]
    });
    if (asked.button.accept) {
      await model.withdraw(number).catch(e => setError(e.message));
    }
  };
  return (
    <article aria-labelledby={heading} data-status={status}>
      <h3 id={heading}>
        {number}: {title}
      </h3>
      <p>
        <strong>{statusOf(request)}</strong>
        {round > 1 && ` (${say('round {round}', { round })})`}
      </p>
      {words && <blockquote>{words}</blockquote>}
      <ul>
        {request.files.map(file => (
          <li key={file.file}>
            {file.name}
            {file.advice && `: ${file.advice}`}
            <Findings of={file.findings} />
          </li>
        ))}
      </ul>
      {status === 'released' && <p>{say('It waits for you in the portal, under “Requests for release”.')}</p>}
      {status === 'returned' && <p>{say('Change the files, then request their release again as a new round.')}</p>}
      {error && (
        <p className="datasluse-error" role="alert">
          {error}
        </p>
      )}
      {WITHDRAWN_FROM.includes(status) && (
        <button type="button" className="jp-mod-styled" onClick={withdraw}>
          {say('Withdraw')}
          <span className="datasluse-unseen"> {number}</span>
        </button>
      )}
    </article>
  );
}
