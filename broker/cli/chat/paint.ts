import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours, where the terminal has them and NO_COLOR is not set. */
export class Paint {
  constructor(readonly coloured: boolean) {}

  #in(style: Style, text: string): string {
    return this.coloured ? styleText(style, text) : text;
  }

  dim(text: string): string {
    return this.#in('dim', text);
  }

  me(text: string): string {
    return this.#in('green', text);
  }

  other(text: string): string {
    return this.#in('cyan', text);
  }

  bad(text: string): string {
    return this.#in('red', text);
  }

  read(text: string): string {
    return this.#in('blueBright', text);
  }
}
