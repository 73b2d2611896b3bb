import { PageHeader } from "../ui";

export default function DesignPage() {
  return <PageHeader title="Design" />;
}
