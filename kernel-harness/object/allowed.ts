/** What the kernel offers and probe context may use. */

export interface Allowed {
  readonly why: string;
  /** It never comes back: what follows the call is not reached by it. */
  readonly noreturn?: true;
}

export const ALLOWED: Readonly<Record<string, Allowed>> = {};
