// npm run size: what the SDK weighs in a browser, part by part.
import { parts, weigh, type Weight } from './weight.js';

const weights = await weigh();
const row = (name: string, { minified, gzip }: Weight): string => `${name.padEnd(24)}${minified.toLocaleString('en').padStart(10)}${gzip.toLocaleString('en').padStart(10)}`;

console.log(`${'bytes'.padEnd(24)}${'minified'.padStart(10)}${'gzip'.padStart(10)}`);
for (const part of parts) console.log(row(part, weights.parts.get(part)!));
console.log(row('everything', weights.whole));
console.log(row('slim transport alone', weights.transportAlone));
console.log(row('more with search', weights.search));
