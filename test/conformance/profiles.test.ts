import { embedded, memory } from './backend.js';
import { suite } from './profiles.js';

suite('memory', memory);
suite('embedded', embedded());
