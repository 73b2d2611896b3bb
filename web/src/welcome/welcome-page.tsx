import { useQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { queries } from "../api/queries";
import { ErrorState } from "../ui";
import { checklist } from "./checklist";
import {
  firstStepsWish,
  hideFirstSteps,
  showFirstSteps,
  showsFirstSteps,
  type Wish,
} from "./first-steps";
import { homeProject } from "./last-project";
import { useWorld } from "./use-world";
import { WelcomeSkeleton } from "./welcome-skeleton";

// Its forms are large, and whoever has seen them out does not need them again.
const FirstStepsList = lazy(() => import("./first-steps-list"));

/** The start: the first steps, as long as they are of use; else the board that one was on. */
export default function WelcomePage() {
  const [wish, setWish] = useState(firstStepsWish);
  const hide = () => {
    hideFirstSteps();
    setWish("hidden");
  };
  const shown = useCallback(() => {
    showFirstSteps();
    setWish("shown");
  }, []);
  return wish === "hidden" ? <Home /> : <Steps wish={wish} onShow={shown} onHide={hide} />;
}

interface StepsProps {
  wish: Wish;
  onShow: () => void;
  onHide: () => void;
}

function Steps({ wish, onShow, onHide }: StepsProps) {
  const { world, error, retry } = useWorld();
  if (world === undefined) {
    return error === null ? <WelcomeSkeleton /> : <ErrorState problem={error} retry={retry} />;
  }
  const list = checklist(world);
  if (!showsFirstSteps(wish, list.now === null)) return <Home />;
  return (
    <Suspense fallback={<WelcomeSkeleton />}>
      <FirstStepsList world={world} list={list} onShow={onShow} onHide={onHide} />
    </Suspense>
  );
}

function Home() {
  const { data, error, isError, refetch } = useQuery(queries.projects());
  // The next time nothing but the projects has to be asked for.
  useEffect(() => hideFirstSteps(), []);
  if (data === undefined) {
    return isError ? <ErrorState problem={error} retry={refetch} /> : <WelcomeSkeleton />;
  }
  const project = homeProject(data);
  return project === null ? (
    <Navigate to="/projects" replace />
  ) : (
    <Navigate to="/projects/$project" params={{ project: project.id }} replace />
  );
}
