import { embedded, memory } from './backend.js';
import { suite } from './groups.js';
import { withMongo } from './mongo.js';

suite('memory', memory);
suite('embedded', embedded());
withMongo(suite);
