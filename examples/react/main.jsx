/** A chat with one user, in React. */
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createSharedClient, indexedDbStore } from 'godwit-client/browser';
import { useConversation } from './use-conversation.js';

const ticks = new Map([['queued', '🕓'], ['sent', '✓'], ['delivered', '✓✓'], ['read', '✓✓'], ['failed', '!']]);

function App() {
  const [chat, setChat] = useState();
  return chat ? <Chat {...chat} /> : <Door onOpen={setChat} />;
}

function Door({ onOpen }) {
  const [error, setError] = useState('');
  const open = async (form) => {
    const { peer, url, token, user } = Object.fromEntries(form);
    let client;
    try {
      // One for all tabs of this user: one connection, one store.
      client = await createSharedClient({ name: user, url, token, user, open: () => indexedDbStore(`godwit-${user}`) });
      await client.messages(peer); // throws where there can be no conversation with them
      // How it goes, the `connection` events tell.
      void client.connect();
      onOpen({ client, peer });
    } catch (fault) {
      setError(fault.message);
      await client?.close();
    }
  };
  return (
    <form className="door" action={open}>
      <label>Server <input name="url" defaultValue="ws://127.0.0.1:8080/mqtt" required /></label>
      <label>You <input name="user" defaultValue="alice" required /></label>
      <label>Your token <input name="token" autoComplete="off" required /></label>
      <label>Write to <input name="peer" defaultValue="bob" required /></label>
      <button>Open</button>
      {error && <p className="error" role="alert">{error}</p>}
    </form>
  );
}

function Chat({ client, peer }) {
  const { lines, error, send, more, loadMore } = useConversation(client, peer);
  const connection = useConnection(client);
  return (
    <main className="chat">
      <header>{peer}<small role="status">{connection}</small></header>
      {more && <button className="earlier" onClick={loadMore}>Earlier messages</button>}
      <ol aria-live="polite">
        {lines.map(({ id, text, own, tick }) => (
          <li key={id} className={own ? 'own' : ''}>{text ?? '(not a text)'}{tick && <span className={`tick ${tick}`} title={tick}>{ticks.get(tick)}</span>}</li>
        ))}
      </ol>
      <form action={(form) => send(form.get('text'))}>
        <input name="text" placeholder="Message" aria-label="Message" autoComplete="off" required />
        <button>Send</button>
        {error && <p className="error" role="alert">{error.message}</p>}
      </form>
    </main>
  );
}

function useConnection(client) {
  const [state, setState] = useState(client.connection);
  useEffect(() => {
    setState(client.connection);
    return client.on('connection', (change) => setState(change.state));
  }, [client]);
  return state;
}

createRoot(document.querySelector('#app')).render(<StrictMode><App /></StrictMode>);
