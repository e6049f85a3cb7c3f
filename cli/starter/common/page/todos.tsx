import { useSync } from "durasync/react";
import { usePartySocket } from "partysocket/react";
import type { Action, Todo } from "../shared.ts";

export function Todos() {
  const socket = usePartySocket({ party: "todos", room: "default" });
  const [todos, send, status] = useSync<Todo, Action>("todos", socket, optimistic);

  // Records come in key order: ids that begin with the time put the newest last.
  const add = (form: FormData) => {
    send({ type: "create", payload: { id: `${Date.now()}-${crypto.randomUUID()}`, text: String(form.get("text")) } });
  };

  return (
    <main>
      <form action={add}>
        <input name="text" aria-label="New todo" placeholder="What needs doing?" required maxLength={500} />
      </form>
      <ul>
        {todos.map(([id, text, completed]) => (
          <li key={id}>
            <label>
              <input type="checkbox" checked={completed === 1} onChange={() => send({ type: "toggle", payload: { id } })} /> {text}
            </label>
          </li>
        ))}
      </ul>
      <p role="status">{status.state}</p>
    </main>
  );
}

/** What an action will do, shown before the object has answered. */
function optimistic(todos: Todo[], { type, payload }: Action): Todo[] {
  if (type === "create") return [...todos, [payload.id, payload.text, 0]];
  return todos.map(([id, text, completed]): Todo => [id, text, id === payload.id ? (completed ? 0 : 1) : completed]);
}
