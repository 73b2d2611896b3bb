import { PageHeader } from "../ui";

export default function AgentsPage() {
  return <PageHeader title="Agents" />;
}
