const BYTES = new Set(["memory", "disk", "file_size", "output", "output_rate"]);
const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** A limit's number with its unit. Rounded up: what is over must not look as if it were at. */
export function amount(limit: string, value: number): string {
  if (limit === "cpu") return tenth(value / 1000);
  if (!BYTES.has(limit)) return value.toLocaleString("en");
  let size = value;
  let unit = "B";
  for (const next of UNITS) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return `${tenth(size)} ${unit}${limit === "output_rate" ? "/s" : ""}`;
}

function tenth(value: number): string {
  return (Math.ceil(value * 10) / 10).toString();
}
