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
  'The checker is told this:': 'Outputkontrollanten får dette at vide:',
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
  'Start': 'Start',
  'About this project': 'Om dette projekt',
  'New notebook': 'Ny notesbog',
  'Terminal': 'Terminal',
  'More…': 'Mere…',
  'To the portal': 'Til portalen',
  'Data': 'Data',
  'Files': 'Filer',
  'Results': 'Resultater',
  'Your home is yours alone. What you put in the folder “project”, the other members see. Both are kept when the room closes.':
    'Din hjemmemappe er din alene. Det, du lægger i mappen “project”, ser de andre medlemmer. Begge bevares, når rummet lukker.',
  'Permit': 'Datatilladelse',
  '{permit} of {controller}, until {day}': '{permit} fra {controller}, til og med {day}',
  'Members': 'Medlemmer',
  'lead': 'projektleder',
  'analyst': 'analytiker',
  'data manager': 'datamanager',
  'This room': 'Dette rum',
  '{cpus} CPU, {memory} GB memory': '{cpus} CPU, {memory} GB hukommelse',
  'This project has no data yet.': 'Dette projekt har endnu ingen data.',
  'Added since this room was opened, and there when it is opened again: {names}':
    'Tilføjet, siden rummet blev åbnet, og til stede, når det åbnes igen: {names}',
  'and {number} more files': 'og {number} filer mere',
  'and {number} more columns': 'og {number} kolonner mere',
  '{rows} rows': '{rows} rækker',
  '{columns} columns': '{columns} kolonner',
  'Column': 'Kolonne',
  'Type': 'Type',
  'What it is': 'Hvad det er',
  'Memory {used} of {all} GB': 'Hukommelse {used} af {all} GB',
  'CPU {percent} %': 'CPU {percent} %',
  'What this room uses of its memory and processors': 'Hvad dette rum bruger af sin hukommelse og sine processorer',
  'This room’s memory is nearly used up: {used} of {all} GB. Shut down kernels that you do not use, or delete large variables.':
    'Rummets hukommelse er næsten brugt op: {used} af {all} GB. Luk kerner, du ikke bruger, eller slet store variable.',
  'The room’s {all} GB of memory were used up, and a program was ended. A kernel loses its variables; files are kept.':
    'Rummets {all} GB hukommelse blev brugt op, og et program blev afbrudt. En kerne mister sine variable; filer er bevaret.',
  'Run in the background…': 'Kør i baggrunden…',
  'Run in the background': 'Kør i baggrunden',
  'Background runs': 'Kørsler i baggrunden',
  'Run': 'Kør',
  'done': 'færdig',
  'failed': 'mislykkedes',
  'cancelled': 'annulleret',
  'ended with its room': 'sluttede med rummet',
  '{name}, in the background: {state}': '{name}, i baggrunden: {state}',
  'It used up the room’s memory.': 'Den brugte rummets hukommelse op.',
  'It runs, also when you log out. See it under “Background runs” on the left.':
    'Den kører, også når du logger ud. Se den under “Kørsler i baggrunden” til venstre.',
  'Right-click a notebook or a script among the files and choose “Run in the background…”.':
    'Højreklik på en notebook eller et script blandt filerne, og vælg “Kør i baggrunden…”.',
  'It goes on when you log out. What it prints and a notebook’s result are in the folder “runs”, afterwards in the project folder’s, too.':
    'Den fortsætter, når du logger ud. Det, den skriver ud, og en notebooks resultat ligger i mappen “runs”, bagefter også i projektmappens.',
  'Nothing has run in the background here yet.': 'Der er endnu ikke kørt noget i baggrunden her.',
  'Show its files': 'Vis dens filer',
  'This is no parameter, such as year = 2020: {line}': 'Dette er ikke en parameter som f.eks. aar = 2020: {line}',
  'It runs from the beginning, as it was last saved, with this room’s memory and processors. It goes on when you log out.':
    'Den kører fra begyndelsen, som den sidst blev gemt, med dette rums hukommelse og processorer. Den fortsætter, når du logger ud.',
  'Parameters, one a line, such as year = 2020 (they stand after the cell tagged “parameters”)':
    'Parametre, én pr. linje, f.eks. aar = 2020 (de indsættes efter cellen med mærket “parameters”)',
  'Close the room when it is done': 'Luk rummet, når den er færdig',
  'Programs': 'Programmer',
  '“pip install” in a terminal or a notebook takes packages from a mirror of this platform.':
    '“pip install” i en terminal eller en notebook henter pakker fra et spejl på denne platform.',
  'What you install stays in your home, and your clusters have it, too.':
    'Det, du installerer, bliver i din hjemmemappe, og dine klynger har det også.',
  'Nothing can be installed in this project; its operators can put packages into the image.':
    'Der kan ikke installeres noget i dette projekt; driften kan lægge pakker i billedet.',
  'A room has no way to the internet: files come in with the project’s data.':
    'Et projektrum har ingen vej til internettet: filer kommer ind med projektets data.',
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
