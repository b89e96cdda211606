import { embedded, memory } from './backend.js';
import { suite } from './membership.js';

suite('memory', memory);
suite('embedded', embedded());
