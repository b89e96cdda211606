import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { liveMessages } from 'godwit-client/browser';

/**
 * A conversation with a user as it is now: what is loaded of it, behind that what is not sent yet; `send`, and
 * `loadMore` while there may be `more` before. Shown means read. `error`: why it could not be read.
 */
export function useConversation(client, peer) {
  const talk = useMemo(() => liveMessages(client, peer), [client, peer]);
  const { messages, more, error } = useSyncExternalStore(talk.subscribe, talk.getSnapshot);
  const [waiting, setWaiting] = useState([]);
  const look = useCallback(() => {
    const conversation = `d:${[client.user, peer].sort().join(':')}`;
    setWaiting(client.outbox().filter((sent) => sent.conversation === conversation));
  }, [client, peer]);

  useEffect(() => {
    look();
    // Once it is sent it is about to be among the messages: until then it stays.
    return client.on('state', ({ state }) => (state === 'queued' || state === 'failed') && look());
  }, [client, look, messages]);

  useEffect(() => {
    const last = messages.findLast(({ type }) => type === 'message');
    const read = () => last && !document.hidden && void client.markRead(peer, last.seq);
    read();
    document.addEventListener('visibilitychange', read);
    return () => document.removeEventListener('visibilitychange', read);
  }, [client, peer, messages]);

  // Shown once it is kept: from then on it goes out, also after the tab was closed.
  const send = useCallback((text) => void client.send(peer, text).until('queued').then(look, look), [client, peer, look]);
  const shown = messages.filter(({ type }) => type === 'message');
  const unsent = waiting.filter(({ id }) => !shown.some((one) => one.id === id));
  const lines = [...shown, ...unsent].map((one) => ({ id: one.id, text: one.text, own: one.own ?? true, tick: one.tick ?? one.state }));
  return { lines, error, send, more, loadMore: talk.loadMore };
}
