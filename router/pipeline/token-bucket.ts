/** A token bucket: it fills at a steady rate up to its size, and each request takes from it. */
export interface TokenBucket {
  readonly tokens: number;
  readonly atMs: number;
}

export interface BucketPolicy {
  /** Tokens that come in each second. */
  readonly perSecond: number;
  /** Most tokens that it holds. */
  readonly size: number;
}

/** What taking came to: the bucket afterwards, and how long to wait when there was not enough. */
export interface TakeResult {
  readonly bucket: TokenBucket;
  /** 0 when the tokens were taken; else the time until they are there, in milliseconds. */
  readonly waitMs: number;
}

/** Takes `count` tokens if they are there. More than the bucket's size are there when it is full, and leave it in debt. */
export function take(
  bucket: TokenBucket | undefined,
  count: number,
  nowMs: number,
  { perSecond, size }: BucketPolicy,
): TakeResult {
  const filled =
    bucket === undefined ? size : Math.min(size, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
  const needed = Math.min(count, size);
  if (filled >= needed) return { bucket: { tokens: filled - count, atMs: nowMs }, waitMs: 0 };
  return { bucket: { tokens: filled, atMs: nowMs }, waitMs: ((needed - filled) / perSecond) * 1000 };
}
