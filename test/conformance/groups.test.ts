import { embedded, memory } from './backend.js';
import { suite } from './groups.js';

suite('memory', memory);
suite('embedded', embedded());
