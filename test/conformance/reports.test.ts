import { embedded, memory } from './backend.js';
import { suite } from './reports.js';

suite('memory', memory);
suite('embedded', embedded());
