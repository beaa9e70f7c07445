/** One line of text found in an image. */
export interface TextLine {
  readonly text: string;
  /** How sure the recogniser is, from 0 to 1. */
  readonly confidence: number;
}

/** What reads text from images; the OCR runtime in production, a script in tests. */
export interface TextReader {
  /** Gives the lines from top to bottom. Throws ATTACHMENT_UNREADABLE when the bytes are no image; `index` names the attachment. */
  read(image: Uint8Array, index: number): Promise<readonly TextLine[]>;
}
