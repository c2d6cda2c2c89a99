/**
 * Everything the extension says. The keys are the English sentences; a sentence without Danish does not compile.
 */
const danish = {
  'Request release…': 'Anmod om hjemtagelse…',
  'Request release': 'Anmod om hjemtagelse',
  'Requests for release': 'Anmodninger om hjemtagelse',
  'Right-click a result among the files and choose “Request release…”.':
    'Højreklik på et resultat blandt filerne, og vælg “Anmod om hjemtagelse…”.',
  'Nothing leaves before an output checker has approved it.':
    'Intet forlader rummet, før en outputkontrollant har godkendt det.',
  'Cannot be requested': 'Kan der ikke anmodes om',
  'There is nothing here that can be requested.': 'Der er intet her, der kan anmodes om.',
  'Part of': 'Hører til',
  'a new request': 'en ny anmodning',
  'a new round of {number}: {title}': 'en ny runde af {number}: {title}',
  'Title of the request': 'Anmodningens titel',
  'What is it?': 'Hvad er det?',
  'What is it for?': 'Hvad skal det bruges til?',
  'Which population does it describe?': 'Hvilken population beskriver det?',
  'How many persons? (leave empty if it describes none)': 'Hvor mange personer? (lad stå tom, hvis det ikke beskriver nogen)',
  'Which data sets?': 'Hvilke datasæt?',
  'Use these answers for all': 'Brug disse svar for alle',
  'Cancel': 'Annullér',
  'Sending {done} of {all}: {name}': 'Sender {done} af {all}: {name}',
  'Handing in…': 'Afleverer…',
  'Nothing was requested. {why}': 'Der blev ikke anmodet om noget. {why}',
  'Request {number} is handed in.': 'Anmodning {number} er afleveret.',
  'Request {number}, {title}: {status}': 'Anmodning {number}, {title}: {status}',
  'The file is empty.': 'Filen er tom.',
  'The file is larger than {most} MB. Aggregate it, or release a part.':
    'Filen er større end {most} MB. Aggregér den, eller tag en del hjem.',
  'A request has at most {most} files.': 'En anmodning har højst {most} filer.',
  'A request has at most {most} MB in all. Make two.': 'En anmodning har højst {most} MB i alt. Lav to.',
  'This is no file and no folder of yours.': 'Dette er ikke en fil eller mappe, der er din.',
  'This leads out of your folders. Copy the file, and request the copy.':
    'Dette fører ud af dine mapper. Kopiér filen, og anmod om kopien.',
  'The folder holds too many files. Choose the ones you need.': 'Mappen rummer for mange filer. Vælg dem, du har brug for.',
  'round {round}': 'runde {round}',
  'Withdraw': 'Træk tilbage',
  'Withdraw request {number}?': 'Træk anmodning {number} tilbage?',
  'It cannot be taken up again; you can make a new one.': 'Den kan ikke genoptages; du kan lave en ny.',
  'It waits for you in the portal, under “Requests for release”.':
    'Det venter på dig i portalen, under “Anmodninger om hjemtagelse”.',
  'Change the files, then request their release again as a new round.':
    'Ret filerne, og anmod så om dem igen som en ny runde.',
  'There are no requests from this room yet.': 'Der er endnu ingen anmodninger fra dette rum.',
  'draft': 'kladde',
  'handed in, being inspected': 'afleveret, undersøges',
  'with the output checkers': 'hos outputkontrollanterne',
  'returned': 'returneret',
  'approved, being released': 'godkendt, på vej ud',
  'rejected': 'afvist',
  'withdrawn': 'trukket tilbage',
  'released': 'frigivet',
  'recalled': 'tilbagekaldt',
  'held back': 'holdt tilbage',
  'Your login has ended': 'Dit login er udløbet',
  'The room is not open': 'Rummet er ikke åbent',
  'The room cannot be reached': 'Der er ingen forbindelse til rummet',
  'What runs in the room goes on, and what you wrote on this page is kept here.':
    'Det, der kører i rummet, fortsætter, og det, du har skrevet på denne side, er her stadig.',
  'Your files are kept, and what you wrote on this page is kept here.':
    'Dine filer er bevaret, og det, du har skrevet på denne side, er her stadig.',
  'Log in and open the room in another tab: this page then goes on by itself. The address:':
    'Log ind, og åbn rummet i et andet faneblad: Så fortsætter denne side af sig selv. Adressen:',
  'This page tries again by itself.': 'Denne side prøver igen af sig selv.',
  'Go there in this tab': 'Gå dertil i dette faneblad',
  'Wait here': 'Vent her',
  'You have been shown as much today as one person may': 'Du har i dag fået vist så meget, som en person må',
  'Tomorrow this page goes on by itself. If you need it today, ask the operator. The address:':
    'I morgen fortsætter denne side af sig selv. Har du brug for det i dag, så spørg driften. Adressen:',
  'Shown to you today: {shown} of {budget} MB': 'Vist for dig i dag: {shown} af {budget} MB',
  'Nothing happens in this room. It closes at {time} unless you do something in it.':
    'Der sker ikke noget i dette rum. Det lukker kl. {time}, medmindre du gør noget i det.',
  'The platform cannot be asked who may be here. If that lasts for five minutes, this room closes its door.':
    'Platformen kan ikke spørges om, hvem der må være her. Varer det fem minutter, lukker dette rum døren.',
  'Dask clusters': 'Dask-klynger',
  'A cluster computes with more memory and processors than this room. It sees the same data and files.':
    'En klynge regner med mere hukommelse og flere processorer end dette rum. Den ser de samme data og filer.',
  'This room has no cluster now.': 'Dette rum har ingen klynge nu.',
  'Start a cluster': 'Start en klynge',
  'One moment…': 'Et øjeblik…',
  'Profile': 'Profil',
  'Workers': 'Arbejdere',
  'Cluster {number}, {profile}': 'Klynge {number}, {profile}',
  'workers: {workers}': 'arbejdere: {workers}',
  'starting': 'starter',
  'running': 'kører',
  'stopping': 'stopper',
  'Scale': 'Skalér',
  'Insert code': 'Indsæt kode',
  'Open a notebook first.': 'Åbn en notesbog først.',
  'Show a plot': 'Vis en figur',
  'Choose…': 'Vælg…',
  'Stop the cluster': 'Stop klyngen',
  'You are back in the room.': 'Du er tilbage i rummet.'
} as const;

export type Message = keyof typeof danish;

let inDanish = false;

/** Speak the language that JupyterLab was set to, or else the browser's. */
export function speak(lab: string | undefined, browser: readonly string[]): void {
  const chosen = lab && lab !== 'en' ? [lab] : browser;
  const known = chosen.map(language => language.slice(0, 2).toLowerCase());
  inDanish = known.find(language => language === 'da' || language === 'en') === 'da';
}

export function language(): 'da' | 'en' {
  return inDanish ? 'da' : 'en';
}

/** A sentence in the language spoken, with its `{values}` filled in. */
export function say(message: Message, values: Record<string, string | number> = {}): string {
  const sentence: string = inDanish ? danish[message] : message;
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

export const messages = Object.keys(danish) as Message[];
