const PAD = (part: number) => String(part).padStart(2, "0");

/** The time of day on the reader's clock; rows are many, so without the cost of Intl. */
export function clockTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return `${PAD(date.getHours())}:${PAD(date.getMinutes())}:${PAD(date.getSeconds())}`;
}
