import { PageHeader } from "../ui";

export default function BoardPage() {
  return <PageHeader title="Board" />;
}
