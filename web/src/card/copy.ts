import { ui } from "../strings/ui";
import { toast } from "../ui";

/** Copies, and says whether it did: browsers forbid it without HTTPS or a person's press. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast.show({ title: ui.copied });
  } catch {
    toast.show({ title: ui.copyFailed, body: text, tone: "warn" });
  }
}
