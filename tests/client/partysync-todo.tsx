// SPDX-License-Identifier: MIT
// A page as one writes it for partysync, with the import of its hook changed and nothing else.
import { usePartySocket } from "partysocket/react";
import { useState, type FormEvent } from "react";
import { useSync } from "../../client/react.ts";

type TodoRecord = [id: string, text: string, completed: 0 | 1, created_at: number, updated_at: number, deleted_at: number | null];
type TodoAction =
  | { type: "create"; payload: { id: string; text: string; completed: 0 | 1 } }
  | { type: "update"; payload: { id: string; text: string; completed: 0 | 1 } }
  | { type: "delete"; payload: { id: string } };

/** What only the reducer has made, as one tells it apart with partysync. */
const guessed = new WeakSet<TodoRecord>();

function guess(todo: TodoRecord): TodoRecord {
  guessed.add(todo);
  return todo;
}

export default function App() {
  const [text, setText] = useState("");
  const socket = usePartySocket({ party: "todos", room: "default" });
  const [todos, sendAction] = useSync<TodoRecord, TodoAction>("todos", socket, (todos, action): TodoRecord[] => {
    switch (action.type) {
      case "create": {
        const { id, text, completed } = action.payload;
        return [...todos, guess([id, text, completed, Date.now(), Date.now(), null])];
      }
      case "update": {
        const { id, text, completed } = action.payload;
        return todos.map((todo) => (todo[0] === id ? guess([id, text, completed, todo[3], Date.now(), null]) : todo));
      }
      case "delete":
        return todos.filter((todo) => todo[0] !== action.payload.id);
      default:
        console.error("unknown action", action);
        return todos;
    }
  });

  const addTodo = (event: FormEvent) => {
    event.preventDefault();
    sendAction({ type: "create", payload: { id: crypto.randomUUID(), text, completed: 0 } });
    setText("");
  };

  return (
    <form onSubmit={addTodo}>
      <input value={text} onChange={(event) => setText(event.target.value)} />
      {todos
        .filter((todo) => todo[5] === null)
        .map((todo) => ({ id: todo[0], text: todo[1], completed: todo[2], opacity: guessed.has(todo) ? 0.5 : 1 }))
        .map(({ id, text, completed, opacity }) => (
          <div key={id} style={{ opacity }}>
            <input
              type="checkbox"
              aria-label={text}
              checked={completed === 1}
              onChange={() => sendAction({ type: "update", payload: { id, text, completed: completed ? 0 : 1 } })}
            />
            <button type="button" onClick={() => sendAction({ type: "delete", payload: { id } })}>
              {text}
            </button>
          </div>
        ))}
      <Count />
    </form>
  );
}

function Count() {
  const socket = usePartySocket({ party: "todos", room: "other" });
  const [todos] = useSync<TodoRecord, TodoAction>("todos", socket);
  return <output>{todos.length}</output>;
}
