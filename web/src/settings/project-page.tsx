import { PageHeader } from "../ui";

export default function ProjectPage() {
  return <PageHeader title="Project settings" />;
}
