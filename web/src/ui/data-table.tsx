import type { ReactNode } from "react";
import { cn } from "./cn";

export interface Column<T> {
  /** Unique in the table. */
  key: string;
  header: ReactNode;
  cell: (row: T) => ReactNode;
  align?: "start" | "end";
  /** Not shown below the width of a tablet. */
  wide?: boolean;
  className?: string;
}

export interface DataTableProps<T> {
  /** What it lists, read out. */
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** Instead of rows. */
  empty?: ReactNode;
  className?: string;
}

/** Rows of 32 px at least. Links and buttons live in the cells, so every row is reachable. */
export function DataTable<T>({
  caption,
  columns,
  rows,
  rowKey,
  empty,
  className,
}: DataTableProps<T>) {
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div className={cn("overflow-x-auto rounded-lg border border-line bg-surface", className)}>
      <table className="w-full border-collapse text-left">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-line border-b">
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                className={cn(
                  cellLook(column),
                  "h-8 text-xs font-medium whitespace-nowrap text-faint",
                )}
              >
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className="border-line border-b last:border-b-0 hover:bg-hover">
              {columns.map((column) => (
                <td key={column.key} className={cn(cellLook(column), "h-9 py-1.5")}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function cellLook<T>(column: Column<T>): string {
  return cn(
    "px-3 align-middle",
    column.align === "end" && "text-right tabular-nums",
    column.wide && "hidden md:table-cell",
    column.className,
  );
}
