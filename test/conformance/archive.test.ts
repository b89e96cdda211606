import { MemoryArchive } from '../support/memory-archive.js';
import { suite } from './archive.js';
import { openMongoArchive, withMongo } from './mongo.js';

suite('memory', async () => ({ archive: new MemoryArchive(), close: async () => undefined }));
withMongo((name) => suite(name, openMongoArchive));
