import { PageHeader } from "../ui";

export default function SignInPage() {
  return <PageHeader title="Sign in" />;
}
