import { useCallback, useEffect, useRef, useState } from 'react';

/**
 * A conversation with a user as it is now: the newest 50 messages, behind them those that are not sent yet, and `send`.
 * Shown means read. `error`: why it could not be looked at.
 */
export function useConversation(client, peer) {
  const [{ lines, error }, setNow] = useState({ lines: [] });
  const show = useRef(() => {});

  useEffect(() => {
    const conversation = `d:${[client.user, peer].sort().join(':')}`;
    let [asked, shown] = [0, 0];
    const look = async () => {
      const turn = ++asked;
      const stored = (await client.messages(peer)).filter(({ type }) => type === 'message');
      if (turn < shown) return; // overtaken, or not on the screen any more
      shown = turn;
      const waiting = client.outbox().filter((sent) => sent.conversation === conversation);
      setNow({ lines: [...stored, ...waiting].map((one) => ({ id: one.id, text: one.text, own: one.own ?? true, tick: one.tick ?? one.state })) });
      if (stored.length > 0 && !document.hidden) await client.markRead(peer, stored.at(-1).seq);
    };
    show.current = () => look().catch((fault) => shown < Infinity && setNow((now) => ({ ...now, error: fault })));
    const stops = ['message', 'state'].map((type) => client.on(type, (event) => event.conversation === conversation && show.current()));
    document.addEventListener('visibilitychange', show.current);
    show.current();
    return () => {
      shown = Infinity;
      stops.forEach((stop) => stop());
      document.removeEventListener('visibilitychange', show.current);
    };
  }, [client, peer]);

  // Shown once it is kept: from then on it goes out, also after the tab was closed.
  const send = useCallback((text) => void client.send(peer, text).until('queued').then(() => show.current(), () => show.current()), [client, peer]);
  return { lines, error, send };
}
