import { design } from "../strings/design";
import { PageHeader } from "../ui";
import { Content } from "./content";
import { Controls } from "./controls";
import { Foundations } from "./foundations";
import { Overlays } from "./overlays";

/** The whole design system on one page, both themes beside each other. Only in development. */
export default function DesignPage() {
  return (
    <div className="mx-auto max-w-6xl">
      <PageHeader title={design.title}>
        <p className="text-muted">{design.lead}</p>
      </PageHeader>
      <div className="grid gap-4 lg:grid-cols-2">
        {(["light", "dark"] as const).map((theme) => (
          <div
            key={theme}
            data-theme={theme}
            className="flex min-w-0 flex-col gap-8 rounded-lg border border-line bg-surface p-4 text-ink"
          >
            <h2 className="text-lg font-semibold">{design[theme]}</h2>
            <Foundations />
            <Controls />
            <Content />
            <Overlays />
          </div>
        ))}
      </div>
    </div>
  );
}
