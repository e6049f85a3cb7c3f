import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Todos } from "./todos.tsx";

const root = document.getElementById("root");
if (root) createRoot(root).render(<StrictMode><Todos /></StrictMode>);
