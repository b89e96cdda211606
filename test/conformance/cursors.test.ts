import { embedded, memory } from './backend.js';
import { suite } from './cursors.js';

suite('memory', memory);
suite('embedded', embedded());
