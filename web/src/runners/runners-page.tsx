import { PageHeader } from "../ui";

export default function RunnersPage() {
  return <PageHeader title="Runners" />;
}
