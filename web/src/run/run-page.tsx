import { PageHeader } from "../ui";

export default function RunPage() {
  return <PageHeader title="Run" />;
}
