import { Monitor, Moon, Sun } from "lucide-react";
import { app } from "../strings/app";
import { Field, IconButton, Menu, Select } from "../ui";
import { setTheme, THEMES, type Theme, useTheme } from "./theme";

const ICON = { system: Monitor, light: Sun, dark: Moon } as const;

/** The theme as a small button with a menu. */
export function ThemeMenu() {
  const theme = useTheme();
  const Icon = ICON[theme];
  return (
    <Menu
      align="start"
      trigger={
        <IconButton label={app.theme.button(app.theme[theme])}>
          <Icon aria-hidden />
        </IconButton>
      }
      items={THEMES.map((one) => ({
        label: app.theme[one],
        checked: one === theme,
        onSelect: () => setTheme(one),
      }))}
    />
  );
}

/** The theme as a field, for the settings. */
export function ThemeChoice() {
  const theme = useTheme();
  return (
    <Field label={app.theme.label} className="max-w-48">
      <Select<Theme>
        value={theme}
        onValueChange={setTheme}
        options={THEMES.map((one) => ({ value: one, label: app.theme[one] }))}
      />
    </Field>
  );
}
