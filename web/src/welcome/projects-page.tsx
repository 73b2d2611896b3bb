import { PageHeader } from "../ui";

export default function ProjectsPage() {
  return <PageHeader title="Projects" />;
}
