import { embedded, memory } from './backend.js';
import { suite } from './presence.js';

suite('memory', memory);
suite('embedded', embedded());
