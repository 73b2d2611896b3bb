import { Outlet } from "@tanstack/react-router";
import { Toaster } from "../ui";

export function Root() {
  return (
    <>
      <main className="p-4">
        <Outlet />
      </main>
      <Toaster />
    </>
  );
}
