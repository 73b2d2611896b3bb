import { PageHeader } from "../ui";

export default function RunsPage() {
  return <PageHeader title="Runs" />;
}
