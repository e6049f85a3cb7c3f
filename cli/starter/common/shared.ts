// What the page and the object agree on.

/** A row of the channel "todos". */
export type Todo = [id: string, text: string, completed: 0 | 1];

export type Action = { type: "create"; payload: { id: string; text: string } } | { type: "toggle"; payload: { id: string } };

/** The object's channels: of each, the record and the actions. */
export type Channels = { todos: [Todo, Action] };
