import { embedded, memory } from './backend.js';
import { suite } from './relations.js';

suite('memory', memory);
suite('embedded', embedded());
