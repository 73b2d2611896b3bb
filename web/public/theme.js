// Before the first paint, so that nobody who chose dark sees a white flash. An own file, because
// the content security policy allows no inline script. The key is the one of src/app/theme.ts.
try {
  const choice = localStorage.getItem("freehold.theme");
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
} catch {
  // Storage can be forbidden; the system's theme applies then.
}
