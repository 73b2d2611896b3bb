import type { HTMLAttributes } from "react";

/** A cell of the list of lines. Rows are placed one by one, so it cannot be a table's own element. */
export function Cell(props: HTMLAttributes<HTMLDivElement>) {
  // biome-ignore lint/a11y/useSemanticElements: see above.
  // biome-ignore lint/a11y/useFocusableInteractive: focus moves by rows.
  return <div {...props} role="gridcell" />;
}
