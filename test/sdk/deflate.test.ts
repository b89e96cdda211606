import { describe } from 'node:test';
import { deflateSuite } from './deflate-suite.js';

describe("bodies deflated by the platform's streams", { timeout: 20_000 }, () => deflateSuite());
