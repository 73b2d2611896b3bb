import { PageHeader } from "../ui";

export default function ProvidersPage() {
  return <PageHeader title="Providers" />;
}
