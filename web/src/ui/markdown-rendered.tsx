import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { ui } from "../strings/ui";
import { cn } from "./cn";
import { OutsideLink } from "./outside-link";

const COMPONENTS: Components = {
  a: ({ href, children }) => <OutsideLink href={href ?? ""}>{children}</OutsideLink>,
  // A remote image would tell its server who reads this and when.
  img: ({ src, alt }) => (
    <OutsideLink href={typeof src === "string" ? src : ""}>
      {ui.image(alt || String(src))}
    </OutsideLink>
  ),
  // The page has its own headings; these belong to the text.
  h1: ({ children }) => <p className="text-lg font-semibold">{children}</p>,
  h2: ({ children }) => <p className="text-lg font-semibold">{children}</p>,
  h3: ({ children }) => <p className="font-semibold">{children}</p>,
  h4: ({ children }) => <p className="font-semibold">{children}</p>,
  h5: ({ children }) => <p className="font-semibold">{children}</p>,
  h6: ({ children }) => <p className="font-semibold">{children}</p>,
  ul: ({ children }) => <ul className="list-disc pl-5">{children}</ul>,
  ol: ({ children, start }) => (
    <ol start={start} className="list-decimal pl-5">
      {children}
    </ol>
  ),
  code: ({ children }) => (
    <code className="rounded-sm bg-neutral-soft px-1 py-px font-mono text-sm">{children}</code>
  ),
  pre: ({ children }) => (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys.
      tabIndex={0}
      className="overflow-x-auto rounded-md border border-line bg-canvas px-3 py-2 text-sm [&_code]:bg-transparent [&_code]:p-0"
    >
      {children}
    </pre>
  ),
  blockquote: ({ children }) => (
    <blockquote className="border-line border-l-2 pl-3 text-muted">{children}</blockquote>
  ),
  hr: () => <hr className="border-line" />,
  table: ({ children }) => (
    <div className="overflow-x-auto">
      <table className="border-collapse text-sm">{children}</table>
    </div>
  ),
  th: ({ children }) => <th className="border border-line px-2 py-1 text-left">{children}</th>,
  td: ({ children }) => <td className="border border-line px-2 py-1">{children}</td>,
};

export default function MarkdownRendered({
  text,
  className,
}: {
  text: string;
  className?: string;
}) {
  return (
    <div dir="auto" className={cn("flex min-w-0 flex-col gap-2", className)}>
      <ReactMarkdown remarkPlugins={[remarkGfm]} components={COMPONENTS} skipHtml={false}>
        {text}
      </ReactMarkdown>
    </div>
  );
}
