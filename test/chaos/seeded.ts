import { Random } from '../schemas/random.js';

export { Random };

/** A source of randomness for one purpose: the same seed and labels give the same numbers, whatever others draw. */
export function seeded(seed: number, ...labels: readonly (string | number)[]): Random {
  // FNV-1a over the seed and the labels.
  let hash = 0x811c9dc5;
  for (const character of [seed, ...labels].join('\0')) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return new Random(hash);
}

/** A whole number in [least, most]. */
export function between(random: Random, least: number, most: number): number {
  return least + random.below(most - least + 1);
}

/** A waiting time whose mean is given: events with such pauses come at random (a Poisson process). */
export function pause(random: Random, meanMs: number): number {
  return -Math.log(1 - random.next()) * meanMs;
}
