import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { LoadingPage } from "./loading-page";
import { NotFoundPage } from "./not-found-page";
import { PageError } from "./page-error";
import { Root } from "./root";
import {
  auditSearch,
  boardSearch,
  reviewSearch,
  runSearch,
  runsSearch,
  signInSearch,
} from "./search";

const root = createRootRoute({ component: Root, notFoundComponent: NotFoundPage });

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("../welcome/welcome-page")),
});
const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: signInSearch,
  component: lazyRouteComponent(() => import("../sign-in/sign-in-page")),
});
const signInWith = createRoute({
  getParentRoute: () => root,
  path: "/sign-in/with/$provider",
  component: lazyRouteComponent(() => import("../sign-in/with-page")),
});
const confirm = createRoute({
  getParentRoute: () => root,
  path: "/confirm",
  component: lazyRouteComponent(() => import("../sign-in/confirm-page")),
});
const newPassword = createRoute({
  getParentRoute: () => root,
  path: "/new-password",
  component: lazyRouteComponent(() => import("../sign-in/new-password-page")),
});
const join = createRoute({
  getParentRoute: () => root,
  path: "/join",
  component: lazyRouteComponent(() => import("../sign-in/join-page")),
});
const inbox = createRoute({
  getParentRoute: () => root,
  path: "/inbox",
  component: lazyRouteComponent(() => import("../inbox/inbox-page")),
});
const projects = createRoute({
  getParentRoute: () => root,
  path: "/projects",
  component: lazyRouteComponent(() => import("../welcome/projects-page")),
});
const board = createRoute({
  getParentRoute: () => root,
  path: "/projects/$project",
  validateSearch: boardSearch,
  component: lazyRouteComponent(() => import("../board/board-page")),
});
const projectSettings = createRoute({
  getParentRoute: () => root,
  path: "/projects/$project/settings",
  component: lazyRouteComponent(() => import("../settings/project-page")),
});
const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import("../run/runs-page")),
});
const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$run",
  validateSearch: runSearch,
  component: lazyRouteComponent(() => import("../run/run-page")),
});
const review = createRoute({
  getParentRoute: () => root,
  path: "/runs/$run/review",
  validateSearch: reviewSearch,
  component: lazyRouteComponent(() => import("../review/review-page")),
});
const runners = createRoute({
  getParentRoute: () => root,
  path: "/runners",
  component: lazyRouteComponent(() => import("../runners/runners-page")),
});
const environments = createRoute({
  getParentRoute: () => root,
  path: "/environments",
  component: lazyRouteComponent(() => import("../environments/environments-page")),
});
const agents = createRoute({
  getParentRoute: () => root,
  path: "/settings/agents",
  component: lazyRouteComponent(() => import("../settings/agents-page")),
});
const providers = createRoute({
  getParentRoute: () => root,
  path: "/settings/providers",
  component: lazyRouteComponent(() => import("../settings/providers-page")),
});
const account = createRoute({
  getParentRoute: () => root,
  path: "/settings/account",
  component: lazyRouteComponent(() => import("../account/account-page")),
});
const members = createRoute({
  getParentRoute: () => root,
  path: "/settings/members",
  component: lazyRouteComponent(() => import("../people/members-page")),
});
const groups = createRoute({
  getParentRoute: () => root,
  path: "/settings/groups",
  component: lazyRouteComponent(() => import("../people/groups-page")),
});
const tokens = createRoute({
  getParentRoute: () => root,
  path: "/settings/tokens",
  component: lazyRouteComponent(() => import("../tokens/tokens-page")),
});
const webhooks = createRoute({
  getParentRoute: () => root,
  path: "/settings/webhooks",
  component: lazyRouteComponent(() => import("../webhooks/webhooks-page")),
});
const webhook = createRoute({
  getParentRoute: () => root,
  path: "/settings/webhooks/$webhook",
  component: lazyRouteComponent(() => import("../webhooks/webhook-page")),
});
const audit = createRoute({
  getParentRoute: () => root,
  path: "/settings/audit",
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import("../audit/audit-page")),
});
const device = createRoute({
  getParentRoute: () => root,
  path: "/device",
  component: lazyRouteComponent(() => import("../device/device-page")),
});
const session = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("../settings/session-page")),
});
const design = createRoute({
  getParentRoute: () => root,
  path: "/design",
  // The condition is a constant of the build, so a released one does not even hold the page.
  component: DESIGN ? lazyRouteComponent(() => import("../design/design-page")) : NotFoundPage,
});

const routes = [
  index,
  signIn,
  signInWith,
  confirm,
  newPassword,
  join,
  inbox,
  projects,
  board,
  projectSettings,
  runs,
  run,
  review,
  runners,
  environments,
  agents,
  providers,
  account,
  members,
  groups,
  tokens,
  webhooks,
  webhook,
  audit,
  device,
  session,
  design,
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: "intent",
  // Data has its own cache; the router only brings the code early.
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  // The window itself never scrolls; the main area does.
  scrollToTopSelectors: ["#main"],
  defaultPendingComponent: LoadingPage,
  defaultErrorComponent: PageError,
  defaultNotFoundComponent: NotFoundPage,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
