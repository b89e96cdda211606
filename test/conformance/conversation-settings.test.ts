import { embedded, memory } from './backend.js';
import { suite } from './conversation-settings.js';

suite('memory', memory);
suite('embedded', embedded());
