#!/usr/bin/env node
import { createGodwit } from '../index.js';

const godwit = await createGodwit({ env: process.env });
process.stdout.write(`mqtt://${godwit.config.host}:${godwit.mqttPort}\nhttp://${godwit.config.host}:${godwit.httpPort}\n`);
process.once('SIGTERM', () => void godwit.stop().then(() => process.exit(0)));
process.once('SIGINT', () => void godwit.stop().then(() => process.exit(0)));
