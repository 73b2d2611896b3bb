/** What cannot be taken back is confirmed: a dialog asks the person, the server asks the dialog. */

import { isProblem } from "./problem";

/**
 * Does an act that a person has just said yes to. The server answers the first try with a token for this act
 * on the present state, good once; the second brings it. Where the thing changed in between, the refusal is
 * shown, and the person decides again.
 */
export async function confirmed<T>(
  act: (headers?: Record<string, string>) => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isProblem(error, "confirmation_needed")) throw error;
    const confirmation = error.problem.confirmation;
    if (typeof confirmation !== "string") throw error;
    return await act({ Confirmation: confirmation });
  }
}
