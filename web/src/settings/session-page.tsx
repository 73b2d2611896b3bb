import { PageHeader } from "../ui";

export default function SessionPage() {
  return <PageHeader title="Settings" />;
}
