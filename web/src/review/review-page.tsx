import { PageHeader } from "../ui";

export default function ReviewPage() {
  return <PageHeader title="Review" />;
}
