/**
 * What only Node has: a store on disk.
 * @module
 */
export { levelStore } from './level-store.js';
