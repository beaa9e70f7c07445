import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'strikethrough';

/** Colours text, or leaves it as it is where colours are of no use. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_style, text) => text;

/** Gives colours for a terminal, and none for a pipe or where NO_COLOR is set (no-color.org). */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Paint {
  const noColor = (env['NO_COLOR'] ?? '') !== '';
  if (stream.isTTY !== true || noColor) return plain;
  return (style, text) => styleText(style, text, { validateStream: false });
}
