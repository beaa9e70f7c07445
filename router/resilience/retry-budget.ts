/**
 * Retries and hedges as a share of the traffic, so that they never multiply an outage (as in Finagle's and linkerd's budgets):
 * each request puts `share` of a retry in, up to `most`; each retry takes a whole one out.
 */
export interface RetryBudget {
  /** Notes a request. */
  deposit(): void;
  /** Takes one retry; false when there is none. */
  withdraw(): boolean;
  readonly balance: number;
}

/** Retries that are there from the start and at the most: a quiet system may retry a few times too. */
const MOST = 10;

/** Creates a full budget. */
export function createRetryBudget(share: number): RetryBudget {
  let balance = share === 0 ? 0 : MOST;
  return {
    deposit: () => {
      balance = Math.min(balance + share, MOST);
    },
    withdraw: () => {
      if (balance < 1) return false;
      balance -= 1;
      return true;
    },
    get balance() {
      return balance;
    },
  };
}
