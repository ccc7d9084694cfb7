// Jan's plain prompt templates, written as Jinja chat templates.

/** The texts before `{system_message}`, before `{prompt}` and after it go around each message. Jinja inside the template is plain text. */
export function jinjaTemplate(template: string): string {
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

/** A quoted string, as Jinja interprets tags and trims white space in all other text. */
function literal(text: string): string {
  return text === "" ? "" : `{{ ${JSON.stringify(text)} }}`;
}

function splitAt(text: string, place: string): [string, string?] {
  const at = text.indexOf(place);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + place.length)];
}
