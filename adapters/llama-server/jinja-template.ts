// Jan's plain templates in the language of chat templates.

/** What stands before `{system_message}`, before `{prompt}` and after it goes around each message. No program in it runs. */
export function jinjaOf(template: string): string {
  const [head, tail = ""] = splitAt(template, "{prompt}");
  const [system, user = ""] = head.includes("{system_message}") ? splitAt(head, "{system_message}") : ["", head];
  return (
    `{% for message in messages %}` +
    `{% if message.role == "system" %}${literal(system)}` +
    `{% elif message.role == "assistant" %}${literal(tail)}` +
    `{% else %}${literal(user)}{% endif %}` +
    `{{ message.content or "" }}{% endfor %}` +
    `{% if add_generation_prompt %}${literal(tail)}{% endif %}`
  );
}

/** A text that comes out as it is: only a string in quotes is safe from the language's own signs and its care for white space. */
function literal(text: string): string {
  return text === "" ? "" : `{{ ${JSON.stringify(text)} }}`;
}

function splitAt(text: string, place: string): [string, string?] {
  const at = text.indexOf(place);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + place.length)];
}
