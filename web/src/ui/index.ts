export { Badge, type BadgeProps, StateBadge, type StateBadgeProps } from "./badge";
export {
  Button,
  ButtonLink,
  type ButtonProps,
  type ButtonSize,
  type ButtonVariant,
  IconButton,
  type IconButtonProps,
} from "./button";
export { Callout, type CalloutProps } from "./callout";
export { Checkbox, type CheckboxProps, Switch, type SwitchProps } from "./checkbox";
export { cn } from "./cn";
export { CodeBlock, type CodeBlockProps } from "./code-block";
export { ConfirmDialog, type ConfirmDialogProps } from "./confirm-dialog";
export { ConfirmedDialog, type ConfirmedDialogProps } from "./confirmed-dialog";
export { CopyButton, type CopyButtonProps } from "./copy-button";
export { type Column, DataTable, type DataTableProps } from "./data-table";
export { Dialog, type DialogProps, Drawer, type DrawerProps } from "./dialog";
export { EmptyState, type EmptyStateProps } from "./empty-state";
export { Field, type FieldProps } from "./field";
export { Input, type InputProps, Textarea, type TextareaProps } from "./input";
export { Kbd } from "./kbd";
export { Link } from "./link";
export { Markdown } from "./markdown";
export { Menu, type MenuAction, type MenuItem, type MenuProps } from "./menu";
export { OutsideLink } from "./outside-link";
export { PageHeader, type PageHeaderProps } from "./page-header";
export { ErrorState, FormError } from "./problem";
export { useReturnFocus } from "./return-focus";
export { Select, type SelectOption, type SelectProps } from "./select";
export { Loading, Skeleton } from "./skeleton";
export { Spinner } from "./spinner";
export { type TabItem, Tabs, type TabsProps } from "./tabs";
export { Duration, type DurationProps, Time } from "./time";
export { Toaster } from "./toast";
export { type Toast, type ToastOptions, toast } from "./toast-store";
export type { Tone } from "./tone";
export { Tooltip, type TooltipProps } from "./tooltip";
