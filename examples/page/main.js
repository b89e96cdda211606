/** A chat with one user, on the bare DOM. */
import { createSharedClient, indexedDbStore } from 'godwit-client/browser';

const ticks = new Map([['queued', '🕓'], ['sent', '✓'], ['delivered', '✓✓'], ['read', '✓✓'], ['failed', '!']]);
const door = document.querySelector('#door');
const chat = document.querySelector('#chat');

door.addEventListener('submit', async (submitted) => {
  submitted.preventDefault();
  const { peer, url, token, user } = Object.fromEntries(new FormData(door));
  const error = door.querySelector('.error');
  error.textContent = '';
  let client;
  try {
    // One for all tabs of this user: one connection, one store.
    client = await createSharedClient({ name: user, url, token, user, open: () => indexedDbStore(`godwit-${user}`) });
    await open(client, peer);
  } catch (fault) {
    error.textContent = fault.message;
    await client?.close();
  }
});

/** Shows the conversation and connects. @throws GodwitError MALFORMED when there can be none with this peer. */
async function open(client, peer) {
  const [list, form] = [chat.querySelector('ol'), chat.querySelector('form')];
  const error = form.querySelector('.error');
  let [asked, shown] = [0, 0];

  /** Everything anew: what is stored, and behind it what is not sent yet. */
  async function show() {
    const turn = ++asked;
    const stored = await client.messages(peer);
    if (turn < shown) return; // overtaken by a later look
    shown = turn;
    const waiting = client.outbox().filter(({ conversation }) => conversation === nameOf(client, peer));
    list.replaceChildren(...stored.map(lineOf), ...waiting.map((sent) => line(sent.text, 'own', sent.state, sent.error?.message)));
    list.lastElementChild?.scrollIntoView();
    const last = stored.at(-1);
    if (last?.type === 'message' && !document.hidden) await client.markRead(peer, last.seq);
  }
  const refresh = () => show().catch((fault) => (error.textContent = fault.message));

  await show();
  for (const type of ['message', 'gap', 'undecodable', 'state']) client.on(type, refresh);
  client.on('error', (fault) => (error.textContent = fault.error.message));
  client.on('connection', ({ state, error: why }) => (chat.querySelector('.connection').textContent = why ? `${state}: ${why.message}` : state));
  document.addEventListener('visibilitychange', refresh);

  form.addEventListener('submit', (submitted) => {
    submitted.preventDefault();
    error.textContent = '';
    try {
      const sent = client.send(peer, form.elements.text.value);
      form.reset();
      // Shown once it is kept: from then on it goes out, also after the tab was closed.
      sent.until('queued').then(refresh, refresh);
    } catch (fault) {
      error.textContent = fault.message;
    }
  });

  chat.querySelector('h1').textContent = peer;
  door.hidden = true;
  chat.hidden = false;
  form.elements.text.focus();
  // How it goes, the `connection` events tell.
  void client.connect();
}

/** The name of the conversation with a user: both, by their bytes. */
function nameOf({ user }, peer) {
  return `d:${[user, peer].sort().join(':')}`;
}

function lineOf(shown) {
  if (shown.type === 'gap') return line(`${shown.to - shown.from + 1} not available`, 'note');
  if (shown.type === 'undecodable') return line('cannot be read', 'note');
  return line(shown.text ?? '(not a text)', shown.own ? 'own' : '', shown.tick);
}

function line(text, kind, tick, why) {
  const item = document.createElement('li');
  item.className = kind;
  item.textContent = text;
  if (tick) {
    const mark = document.createElement('span');
    mark.className = `tick ${tick}`;
    mark.title = tick;
    mark.textContent = why ? `${ticks.get(tick)} ${why}` : ticks.get(tick);
    item.append(mark);
  }
  return item;
}
