import { MessagePriority } from '../../gen/frontier/common/v1/message.ts';
import type { Priority } from '../domain/priority.ts';

/** Priorities as messages name them. */
export const PRIORITY_MESSAGES: Readonly<Record<Priority, MessagePriority>> = {
  low: MessagePriority.LOW,
  normal: MessagePriority.NORMAL,
  high: MessagePriority.HIGH,
  critical: MessagePriority.CRITICAL,
};
