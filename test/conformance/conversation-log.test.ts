import { embedded, memory } from './backend.js';
import { suite } from './conversation-log.js';

suite('memory', memory);
suite('embedded', embedded());
