import type { Sharp } from 'sharp';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { unreadable } from '../shared/data-uri.ts';
import type { OcrSettings } from './settings.ts';
import type { TextReader } from './text-reader.ts';

/** What is used of @gutenye/ocr-node. Its own types ask for a path; its code hands what it gets to sharp, which takes bytes. */
interface OcrLibrary {
  readonly default: {
    create(): Promise<{
      detect(image: Uint8Array): Promise<readonly { readonly text: string; readonly mean: number }[]>;
    }>;
  };
}

/** Side lengths that the detection network works on are multiples of this. */
const GRID = 32;

/** Gives a reader over PaddleOCR's networks run by onnxruntime. Throws DEPENDENCY_MISSING without the runtime. */
export async function loadGutenReader(settings: OcrSettings): Promise<TextReader> {
  const { ocr, sharp } = await loadRuntime();
  return {
    async read(image, index) {
      const page = await toPage(
        sharp(image, { limitInputPixels: settings.maxPixels, failOn: 'error' }),
        settings,
        index,
      );
      const lines = await ocr.detect(page);
      return lines
        .filter(({ text }) => text.trim() !== '')
        .map(({ text, mean }) => ({ text: text.trim(), confidence: mean }));
    },
  };
}

async function loadRuntime() {
  try {
    const { default: sharp } = await import('sharp');
    const library = (await import('@gutenye/ocr-node')) as unknown as OcrLibrary;
    return { ocr: await library.default.create(), sharp };
  } catch (error) {
    throw new FrontierError(
      'DEPENDENCY_MISSING',
      `the OCR runtime cannot start: ${messageOf(error)}. Fix: run: node modules/install.mjs`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Gives an image as the recogniser likes it: upright, on white (transparent pixels would be black), no larger than need be,
 * its sides filled up to the grid, as PNG.
 */
async function toPage(image: Sharp, { maxSide }: OcrSettings, index: number): Promise<Buffer> {
  try {
    const shrunk = image
      .rotate()
      .flatten({ background: 'white' })
      .resize(maxSide, maxSide, { fit: 'inside', withoutEnlargement: true });
    const { data, info } = await shrunk.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    const { default: sharp } = await import('sharp');
    return await sharp(data, { raw: info })
      .extend({ right: toGrid(info.width), bottom: toGrid(info.height), background: 'white' })
      .png({ compressionLevel: 1 })
      .toBuffer();
  } catch (error) {
    throw unreadable(index, `it is not a sound image (${messageOf(error)})`, error);
  }
}

function toGrid(length: number): number {
  return (GRID - (length % GRID)) % GRID;
}
