import { createServer } from 'node:net';
import type { Config } from '../../config.js';
import { listen, ListenError } from '../../listeners/listen.js';
import { bad, good, type Finding } from './finding.js';

/** Whether every port can be listened on. Not to be asked while the server has them. */
export async function ports({ host, mqttPort, httpPort, tls }: Config): Promise<Finding[]> {
  const wanted: [string, number][] = [['GODWIT_MQTT_PORT', mqttPort], ['GODWIT_HTTP_PORT', httpPort]];
  if (tls) wanted.push(['GODWIT_MQTTS_PORT', tls.mqttsPort]);
  const findings: Finding[] = [];
  for (const [variable, port] of wanted) findings.push(await free(host, port, variable));
  return findings;
}

async function free(host: string, port: number, variable: string): Promise<Finding> {
  const server = createServer();
  try {
    await listen(server, host, port, variable);
    return good(port === 0 ? `port: any free one (${variable}=0)` : `port: ${port} on ${host} is free`);
  } catch (error) {
    if (error instanceof ListenError) return bad(`port: ${error.message}`);
    throw error;
  } finally {
    server.close();
  }
}
