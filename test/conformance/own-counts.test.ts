import { embedded, memory } from './backend.js';
import { suite } from './own-counts.js';

suite('memory', memory);
suite('embedded', embedded());
