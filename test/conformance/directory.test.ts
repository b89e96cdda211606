import { embedded, memory } from './backend.js';
import { suite } from './directory.js';
import { withMongo } from './mongo.js';

suite('memory', memory);
suite('embedded', embedded());
withMongo(suite);
