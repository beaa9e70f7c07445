/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a query's parameters demand JSON and nothing besides, as OpenAI's `response_format` does. */
export function demandsJson(parameters: Readonly<Record<string, unknown>> | undefined): boolean {
  const format = parameters?.['response_format'];
  return isJsonObject(format) && (format['type'] === 'json_object' || format['type'] === 'json_schema');
}

/** Whether a text is JSON: what a client that demanded it can parse. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
