import { embedded, memory } from './backend.js';
import { suite } from './directory.js';

suite('memory', memory);
suite('embedded', embedded());
