import type { Server } from 'node:net';

/** A door cannot be opened. The message is one line for whoever starts the server, and names the variable to set. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Connections that may wait to be accepted: a node that comes back meets all its clients at once. */
const BACKLOG = 4_096;

/**
 * Listens, and resolves with the port (the one that was found, where 0 was asked for).
 * @param variable the environment variable that sets the port
 * @throws ListenError
 */
export function listen(server: Server, host: string, port: number, variable: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(new ListenError(explain(error, host, port, variable), { cause: error }));
    server.once('error', failed);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeListener('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number, variable: string): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use; set ${variable}`;
    case 'EACCES':
      return `port ${port} on ${host} may not be opened by this user; set ${variable}`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; set GODWIT_HOST`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${host} is not known; set GODWIT_HOST`;
    default:
      return `port ${port} on ${host} cannot be opened (${error.code ?? error.message}); set ${variable} or GODWIT_HOST`;
  }
}
