import { embedded, memory, small } from './backend.js';
import { suite } from './conversation-log.js';

suite('memory', memory);
suite('embedded', embedded());
suite('embedded, all written by the thread pool', embedded({ ...small, inlineBytes: 0 }));
suite('embedded, on a disk that is slow', embedded({ ...small, quickWriteMs: -1, slowDiskMs: 1 }));
