import { archived } from './archived.js';
import { embedded, memory, small } from './backend.js';
import { suite } from './conversation-log.js';
import { openMongoArchive, withMongo } from './mongo.js';

suite('memory', memory);
suite('embedded', embedded());
suite('embedded, all written by the thread pool', embedded({ ...small, inlineBytes: 0 }));
suite('embedded, on a disk that is slow', embedded({ ...small, quickWriteMs: -1, slowDiskMs: 1 }));
suite('embedded, with an archive that all moves to', archived());
withMongo((name) => suite(`embedded, with an archive in ${name} that all moves to`, archived(openMongoArchive)));
